"""The official VQA accuracy, to the letter, and what the question alone would score.

Antol et al., "VQA: Visual Question Answering", ICCV 2015: an answer counts min(1, n/3) where n of the annotators gave
it, averaged over the ten sets of nine annotators. This is a port to Python 3 of what the official `vqaEval.py` does
(GT-Vision-Lab/VQA), not of what it seems to mean:

1. Line ends and tabs become spaces and both ends are stripped, of the answer and of the annotators' ten, always.
2. Everything else (3 to 9) happens only if the ten are not all equal then. If they are, the answer must be the same
   text: "Yes" is wrong where all ten said "yes", and so is "two" where they said "2".
3. A punctuation mark becomes a space, except where that mark stands beside a space anywhere in the text, or where any
   digit-comma-digit is in the text: then it is deleted. Both are decided on the text as it was before this rule, for
   each mark, for the whole text: "1,000 m-p" gives "1000 mp". Apostrophes and colons are no punctuation.
4. Periods: the pattern is `(?!<=\\d)(\\.)(?!\\d)`, a look-behind with a typing error that is always true. So a period
   is deleted unless a digit follows: "1." loses it, "1.5" and ".5" keep it.
5. `re.UNICODE` is passed where `re.sub` expects a count, and it is 32: the 33rd period stays.
6. Lower case and number words come last, after punctuation: "none" and "zero" are "0", "ten" is "10", "eleven" stays.
7. Articles (a, an, the) are dropped, wherever they stand: "vitamin a" is "vitamin", and "a" is the empty answer.
8. Contractions get their apostrophes, some of them wrongly ("somebody'd" gives "somebodyd"). The keys "Im", "Ive",
   "Id've" and "I'dve" never apply, because the text is in lower case by then.
9. `manualMap.setdefault` remembers every word it meets, which changes no score.
10. Leaving one out leaves out all entries equal to it in every key. With the ten different answer_ids of the official
    files that is one; if ids were repeated, it would be more. An answer that two of ten gave scores 60, one 30.
11. Accuracies are in percent, rounded to 2 decimals: of each question, question type, answer type, and overall. They
    are means of unrounded accuracies. (Python 2 rounded an exact half away from zero, Python 3 to even.)

The official code also changes the annotations it is given; here they stay as they are.
"""

import re
from collections import Counter, defaultdict

from elic_tf.errors import DataError
from elic_tf.questions import vqa_format

# The table of the official code (Agrawal, BSD licence): pairs of a word and what it becomes.
_CONTRACTIONS = """
aint ain't  arent aren't  cant can't  couldve could've  couldnt couldn't  couldn'tve couldn't've
couldnt've couldn't've  didnt didn't  doesnt doesn't  dont don't  hadnt hadn't  hadnt've hadn't've
hadn'tve hadn't've  hasnt hasn't  havent haven't  hed he'd  hed've he'd've  he'dve he'd've  hes he's  howd how'd
howll how'll  hows how's  Id've I'd've  I'dve I'd've  Im I'm  Ive I've  isnt isn't  itd it'd  itd've it'd've
it'dve it'd've  itll it'll  let's let's  maam ma'am  mightnt mightn't  mightnt've mightn't've  mightn'tve mightn't've
mightve might've  mustnt mustn't  mustve must've  neednt needn't  notve not've  oclock o'clock  oughtnt oughtn't
ow's'at 'ow's'at  'ows'at 'ow's'at  'ow'sat 'ow's'at  shant shan't  shed've she'd've  she'dve she'd've  she's she's
shouldve should've  shouldnt shouldn't  shouldnt've shouldn't've  shouldn'tve shouldn't've  somebody'd somebodyd
somebodyd've somebody'd've  somebody'dve somebody'd've  somebodyll somebody'll  somebodys somebody's
someoned someone'd  someoned've someone'd've  someone'dve someone'd've  someonell someone'll  someones someone's
somethingd something'd  somethingd've something'd've  something'dve something'd've  somethingll something'll
thats that's  thered there'd  thered've there'd've  there'dve there'd've  therere there're  theres there's
theyd they'd  theyd've they'd've  they'dve they'd've  theyll they'll  theyre they're  theyve they've  twas 'twas
wasnt wasn't  wed've we'd've  we'dve we'd've  weve we've  werent weren't  whatll what'll  whatre what're  whats what's
whatve what've  whens when's  whered where'd  wheres where's  whereve where've  whod who'd  whod've who'd've
who'dve who'd've  wholl who'll  whos who's  whove who've  whyll why'll  whyre why're  whys why's  wont won't
wouldve would've  wouldnt wouldn't  wouldnt've wouldn't've  wouldn'tve wouldn't've  yall y'all  yall'll y'all'll
y'allll y'all'll  yall'd've y'all'd've  y'alld've y'all'd've  y'all'dve y'all'd've  youd you'd  youd've you'd've
you'dve you'd've  youll you'll  youre you're  youve you've
"""
_CONTRACTION = dict(re.findall(r"(\S+) (\S+)", _CONTRACTIONS))
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMBER = {"none": "0"} | {word: str(number) for number, word in enumerate(_NUMBERS)}
_ARTICLES = ("a", "an", "the")
_PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'
_DIGIT_COMMA_DIGIT = re.compile(r"\d,\d")
_PERIOD = re.compile(r"(?!<=\d)(\.)(?!\d)")
_PERIODS = int(re.UNICODE)


def strip(answer: str) -> str:
    """Rule 1."""
    return answer.replace("\n", " ").replace("\t", " ").strip()


def normalise(answer: str) -> str:
    """Rules 3 to 8, on a stripped answer."""
    together = _DIGIT_COMMA_DIGIT.search(answer) is not None
    text = answer
    for mark in _PUNCTUATION:
        beside_space = mark + " " in answer or " " + mark in answer
        text = text.replace(mark, "" if beside_space or together else " ")
    text = _PERIOD.sub("", text, count=_PERIODS)
    words = [_NUMBER.get(word, word) for word in text.lower().split()]
    return " ".join(_CONTRACTION.get(word, word) for word in words if word not in _ARTICLES)


def accuracy(answer: str, ten: list[dict]) -> float:
    """Accuracy in [0, 1], not rounded, of one answer against the `answers` of an annotation."""
    answer, ten = strip(answer), [given | {"answer": strip(given["answer"])} for given in ten]
    if len({given["answer"] for given in ten}) > 1:
        answer, ten = normalise(answer), [given | {"answer": normalise(given["answer"])} for given in ten]
    scores = []
    for left_out in ten:
        others = [given for given in ten if given != left_out]
        scores.append(min(1, sum(given["answer"] == answer for given in others) / 3))
    return sum(scores) / len(scores)


def score(annotations: dict, results: list[dict]) -> dict:
    """All the official numbers, in percent, of results that answer exactly the annotated questions.

    {"overall": float, "per_question_type": {type: float}, "per_answer_type": {type: float},
     "per_question": {question_id: float}}. DataError if the results do not fit or there is nothing to score.
    """
    vqa_format.check_results(results, annotations)
    if not results:
        raise DataError("no question to score: the annotation file is empty")
    answers = {result["question_id"]: result["answer"] for result in results}
    scores, by_question_type, by_answer_type = {}, defaultdict(list), defaultdict(list)
    for annotation in annotations["annotations"]:
        number = annotation["question_id"]
        scores[number] = accuracy(answers[number], annotation["answers"])
        by_question_type[annotation["question_type"]].append(scores[number])
        by_answer_type[annotation["answer_type"]].append(scores[number])
    return {
        "overall": _percent(list(scores.values())),
        "per_question_type": {kind: _percent(each) for kind, each in sorted(by_question_type.items())},
        "per_answer_type": {kind: _percent(each) for kind, each in sorted(by_answer_type.items())},
        "per_question": {number: _percent([each]) for number, each in scores.items()},
    }


def question_only_baseline(train_annotations: dict, train_questions: dict, test_questions: dict) -> list[dict]:
    """Results that never look at a picture: for each wording, its most frequent answer in training.

    A wording that training does not have gets the most frequent answer to questions that begin with the same three
    words, then two, one, none. Ties go to the first answer in the alphabet.
    """
    wording = {question["question_id"]: question["question"] for question in train_questions["questions"]}
    counts = defaultdict(Counter)
    for annotation in train_annotations["annotations"]:
        for key in _beginnings(wording[annotation["question_id"]]):
            counts[key][annotation["multiple_choice_answer"]] += 1
    if not counts:
        raise DataError("no training question to learn answers from")
    # The smallest of (-count, answer): the most frequent answer, ties by the alphabet.
    best = {key: min(each, key=lambda answer, each=each: (-each[answer], answer)) for key, each in counts.items()}
    return [
        {
            "question_id": question["question_id"],
            "answer": next(best[key] for key in _beginnings(question["question"]) if key in best),
        }
        for question in test_questions["questions"]
    ]


def prior_accuracy(annotations: dict, questions: dict) -> float:
    """Percent of questions that the most frequent answer of their own wording is right for: what balance leaves.

    An upper bound for any answerer that sees the question only. In a balanced set it is 100 / (number of answers).
    """
    wording = {question["question_id"]: question["question"] for question in questions["questions"]}
    counts = defaultdict(Counter)
    for annotation in annotations["annotations"]:
        counts[wording[annotation["question_id"]]][annotation["multiple_choice_answer"]] += 1
    whole = sum(each.total() for each in counts.values())
    return round(100 * sum(max(each.values()) for each in counts.values()) / whole, 2) if whole else 0.0


def _beginnings(question):
    words = question.lower().split()
    return [question, *(tuple(words[:length]) for length in (3, 2, 1, 0))]


def _percent(values):
    return round(100 * sum(values) / len(values), 2)
