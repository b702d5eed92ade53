"""Question and pictures in, answer out: look, write a program, run it.

Neural-symbolic question answering (Yi et al., "Neural-Symbolic VQA", NeurIPS 2018), end to end. Two networks do what
networks are good at, seeing and reading; what follows from that is computed, so an answer can be explained, and
where there is none one is told why.

    answerer = Answerer.load()
    answerer.answer(faces, "How many people are wearing a hat?")     "2"
    print(answerer.explain(face, "What color is her hair?"))         the program, and the facts it is run on
"""

import dataclasses
import importlib.resources
import re

import numpy as np

from elic_tf.questions import programs


@dataclasses.dataclass(frozen=True)
class Explanation:
    """Everything between a question and its answer.

    program: as text. records: what is known of each face, from left to right. answer: None where there is none.
    problem: why there is none, else "". unknown: words of the question that the program writer has never seen.
    """

    question: str
    program: str
    records: list[dict[str, str]]
    answer: str | None
    problem: str = ""
    unknown: tuple[str, ...] = ()

    def __str__(self):
        lines = [self.question]
        if self.unknown:
            lines.append(f"  not understood: {', '.join(self.unknown)}")
        lines.append(f"  program: {self.program}")
        asked = set(re.findall(r"\w+", self.program))
        for number, record in enumerate(self.records, 1):
            facts = ", ".join(f"{attribute} {value}" for attribute, value in record.items() if attribute in asked)
            lines.append(f"  face {number}: {facts or 'nothing of this is known'}")
        return "\n".join([*lines, f"  answer: {self.answer or 'none, ' + self.problem}"])


class Answerer:
    """Answers questions about one face, or several from left to right.

    reader: anything with `records(faces) -> list of records`: `models.parser.Parser` for synthetic faces, attribute
        heads for photographs. writer: a `models.program_writer.ProgramWriter`.
    """

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    def load(cls, reader=None):
        """With the program writer that the package ships, and its parser of synthetic faces if no reader is given."""
        from elic_tf import weights
        from elic_tf.models.parser import Parser
        from elic_tf.models.program_writer import ProgramWriter

        folder = importlib.resources.files(weights)
        return cls(reader or Parser.from_files(folder), ProgramWriter.from_files(folder))

    def answer(self, faces, question):
        """The answer as text: "yes" or "no", a number, or a value of `records.FACTS`.

        faces: one (64, 64, 3), or a scene (n, 64, 64, 3) from left to right; uint8 or float in [0, 1].
        Raises programs.ExecutionError if the pictures have no answer, DataError for a text that is no question, and
        ImageError for arrays that are no faces.
        """
        program = self.writer.write(question)
        return programs.execute(program, self._records(faces))

    def explain(self, faces, question):
        """An `Explanation`; print it. Raises as `answer`, but for an answer that does not exist."""
        program, records = self.writer.write(question), self._records(faces)
        answer, problem = None, ""
        try:
            answer = programs.execute(program, records)
        except programs.ExecutionError as error:
            problem = str(error)
        return Explanation(question, str(program), records, answer, problem, tuple(self.writer.unknown(question)))

    def _records(self, faces):
        faces = np.asarray(faces)
        return self.reader.records(faces[None] if faces.ndim == 3 else faces)
