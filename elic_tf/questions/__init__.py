"""Asking about a face: records of facts, questions in the official VQA format, their score, and programs."""
