"""The words that say whether a finding is there: a lexicon, and the longest match at every word.

A cue turns what stands after it ("after") or before it ("before") into an assertion; "either" is decided by
its neighbours ("suspected pneumonia", "pneumonia is suspected"). "pseudo" cues look like one and are none
("no increase in pain"); "stop" and "affirm" cues end the reach of those around them. The idea is that of
NegEx (Chapman et al. 2001) and ConText (Harkema et al. 2009); the list is this project's own. English only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Literal

from assistant.types import Assertion

Kind = Assertion | Literal["pseudo", "stop", "affirm"]
Reach = Literal["after", "before", "either"]


@dataclass(frozen=True)
class Cue:
    """What a phrase does. `limit` is in words, 0 for as far as the clause goes.

    `listed`: a comma ends it unless an "or" follows. `wide`: only the sentence, "but" and the like end it.
    `named`: inside a finding it is part of its name ("lack of energy"). `drug`: for medication only.
    """

    kind: Kind
    reach: Reach = "after"
    limit: int = 0
    listed: bool = False
    wide: bool = False
    named: bool = False
    drug: bool = False


@dataclass(frozen=True)
class Hit:
    """A cue found at the words `first` up to `last` (exclusive)."""

    first: int
    last: int
    cue: Cue


_SHORT = "do does did have has had is are was were"
_MACROS = {
    "NT": "not|" + "|".join(f"{verb}n{mark}t" for verb in _SHORT.split() for mark in ("'", "")),
    "CANT": "cannot|can not|can't|cant|could not|couldn't|couldnt|unable to",
    "SEEN": "seen|noted|present|observed|detected|identified|found|demonstrated|evident|appreciated|reported|"
    "visualized|visualised|palpable|palpated|elicited|apparent|documented|visible|heard|felt|shown|revealed",
    "ADJ": "|significant|clinical|clinically significant|marked|major|definite|further|notable|real|obvious"
    "|clear|apparent|appreciable|much|specific|identifiable|known",
    "SAME": "increase|increases|decrease|change|changes|improvement|relief|worsening|reduction|difference"
    "|response|resolution|deterioration|effect|progression|progress|benefit|control|cure|cause|reason|explanation|source|"
    "treatment|therapy|need|idea|medication|medicine|let-up",
    "POSS": "my|his|her|their|our|the patient's|your",
    "HX": "history|hx|histories",
    "ONE": "i|he|she|they|we|you|it|this|the patient|patient|there",
}

_AFTER: list[tuple[Cue, str]] = [
    (
        Cue("absent"),
        """no; nil; denies; deny; denying; without; w/o; never; nor; neither; not; {NT}; ain't; negative for;
        -ve for (was|were|is|are|been|tested|) negative for; neg for; no
        (evidence|sign|signs|symptom|symptoms|indication|suggestion| indications|trace|features)
        (of|for|that); no (known|prior|previous|past|personal|recent|reported| significant|) ({HX})
        (of|for); no (past|previous|prior) medical ({HX}) of; free (of|from); {NT} (any|really|)
        (have|had|having|get|got|gotten|getting|experience|experienced|experiencing|notice|noticed|feel|felt|see|seen
        |report|reported|develop|developed|suffer
        from|show|showed|reveal|demonstrate|detect|think|believe|suggest); {NT} (found to have|diagnosed
        with|known to have|present with|aware of|suggestive of|consistent with| compatible with|associated
        with|accompanied by|complain of|complaining of|complained of|due to|caused by); ({CANT})
        (find|see|detect|identify|demonstrate|appreciate|palpate|visualize|visualise);
        (fail|fails|failed|failing) to (show|demonstrate|reveal|detect|identify|disclose); (have|has|had)
        not (seen| noticed|felt|noted|reported|had|been found to have); haven't (seen|felt|noticed);
        (nobody|no one|none) in ({POSS}) family (has|had|have|ever had|suffers from); none of ({POSS})
        (family|relatives|parents) (has|had| have); rules out; ruled out (for|); ruling out; excludes;
        (tested|tests|test) negative for; no risk factors for; no risk of; in the absence of; rather than;
        instead of""",
    ),
    (Cue("absent", named=True), "(lack|absence|lacks) of; lacks; lacking; devoid of"),
    (
        Cue("possible"),
        """(may|might|could) (also|well|possibly|just|) (have|has|be|represent|reflect|indicate|suggest|be
        having|be getting|be a|have had|have been); (suspect|suspects|suspecting|suspicion)
        (that|of|for|); query; presumed; suspicious for;
        (concern|concerns|concerning|worrisome|evaluate|evaluated|evaluation|workup|work up|
        assess|assessed|look|investigate|investigated) for; r/o; (to|must|should|please|needs to|need to|)
        rule out; to exclude; ({CANT}|{NT}) (completely|entirely|definitively|) (rule|rules|ruled|ruling)
        out; ({CANT}|{NT}) (completely|entirely|definitively|) (exclude|excludes|excluded); differential
        diagnosis (of|includes|included| is|was|); differential (of|includes|included|is|was|); ddx;
        suggestive of; suggests; suggesting; equivocal for; indeterminate for;
        (raises|raised|raise|raising) (the|a) (possibility|question|suspicion) of; possibility of;
        likelihood of; question of; questionable; appears to (have|be); seems to (have|be); thought to
        (have|be| represent); (unlikely|likely) to (have|be); unclear (if|whether); uncertain
        (if|whether); unsure (if|whether| about); ({NT}|) (sure|certain) (if|whether|about); {NT} know
        (if|whether); wonder (if|whether); wondering (if| whether); {NT} clear (if|whether);
        (i|he|she|they|we) (think|thinks|thought|believe|believes|guess) (that|) ({ONE})
        (may|might|could|) (have|has|had|is|be|am|'s|got); (i|we) (think|thought|guess) (it's|i've|it is);
        (do|does|could|can|might) (i|he|she) (really|) (have|be having|be getting); could (it|this|that)
        be; (is|was) (it|this|that) (a|an|maybe|possibly|just|); sign of (a|an|) (early|); doubt (that|);
        doubts; (worried|afraid|scared|concerned|fear|fears|feared) (that|) ({ONE}) (may|might|could|)
        (have|has|be|is); (worried| afraid|scared|concerned) (it's|it is|it might be|that it's|i've|i've
        got); maybe; perhaps; i may have""",
    ),
    (Cue("possible", listed=True), "possible; possibly; probable; probably; presumptive; tentative"),
    (
        Cue("hypothetical"),
        """in case of; in the event of; in the case of; risk of; (risk|risks) (for|of); risks
        (include|including|are); (possible|potential|common) side effects (include|including|are|of); at
        (high|higher|increased|low|) risk (of|for); risk factors for; risk factor for;
        (increased|high|low|higher|lower) risk (of|for); watch (out|) for;
        (watching|watched|monitor|monitored|monitoring|look out|screen|screened|screening|surveillance|be
        alert) for; prophylaxis (against|for|of); prophylactic treatment (of|for);
        (prevention|preventing|avoidance) of; (prevent|prevents|preventing|avoid); (call|return|come
        back|seek help|seek care|go to the er) (for|with); (as needed|as required|prn|p.r.n) for; prn;
        (afraid|fear|fearful|scared|terrified) of; (worried|concerned| anxious|nervous) about;
        (worried|concerned) about (having|getting|developing); (could|may|might|can) (cause| lead
        to|result in|develop|trigger|produce); what (is|are); what's; what causes; (explain|define); tell
        me (more|) about; how (common|dangerous|serious) is; how is; vaccine against; vaccinated against;
        vaccination against; susceptible to""",
    ),
    (
        Cue("hypothetical", wide=True),
        "if; unless; in case; whenever; should you; should he; should she; should they",
    ),
    (
        Cue("historical"),
        """({HX}) of; ({HX}) (is|was|) (significant|notable|remarkable|positive|relevant|pertinent) for;
        ({HX}) (include|includes|included|including); h/o;
        (past|previous|prior|remote|personal|known|medical|surgical) (medical|surgical|) ({HX})
        (of|includes|included|including); pmh; pmhx; (s/p|status post|status - post); no more; used to
        (have|get|suffer|suffer from|be|take|experience|smoke|drink|use|feel|struggle with); no longer;
        (in the past|years ago|long ago); previously (had|diagnosed with|treated
        for|experienced|suffered|took|on|taking); resolution of; recovered from; (survivor|survived) of;
        (recovery|recovering) from; cured of""",
    ),
    (
        Cue("historical", limit=5, listed=True),
        "previous; prior; former; formerly; previously; remote; past; childhood; old; ex -; healed",
    ),
    (
        Cue("historical", limit=3, listed=True),
        """(quit|stopped|gave up|given up|ceased|quits|stop) (smoking|drinking|vaping|using|)""",
    ),
    (
        Cue("historical", drug=True),
        """(stopped|discontinued|discontinue|stop|ceased|quit|held|halted|withdrew) (taking|using|the|); came
        off; (taken|weaned|went|been|tapered|is|now) off (of|); off; switched from; changed from;
        (stopping|discontinuing| discontinuation of|cessation of|withdrawal of|after stopping); was on;
        were on; was taking; was previously on; had been (on|taking); previously (on|taking|took)""",
    ),
    (
        Cue("absent", drug=True),
        """
        {NT} (currently|presently|) (on|take|took|taken|taking|use|used|using|tolerate|tolerated|start|started
        |given|received|receive|prescribed); (refused|refuses|declined|declines)""",
    ),
    (
        Cue("family", wide=True),
        """(family|familial) (medical|) ({HX}) (of|for|is positive for|was positive for|positive for|notable
        for| is notable for|was notable for|significant for|is significant for|was significant
        for|includes|included| remarkable for|is|was|); fh (of|); fhx (of|); fmhx; runs in ({POSS}|the)
        family""",
    ),
]
_BEFORE: list[tuple[Cue, str]] = [
    (
        Cue("absent"),
        """(not|isn't|aren't|wasn't|weren't|isnt|wasnt|not been|never) (been|) ({SEEN});
        (not|hasn't|haven't|didn't) (occur|occurred|happened|developed|appeared); (was|were|is|are|been|be|)
        (ruled out|excluded) (by|); (is|are|was|were|been|) (denied by|being denied); none; nil; - free; -ve;
        no evidence; could not be ({SEEN}); cannot be ({SEEN})""",
    ),
    (
        Cue("possible"),
        """({CANT}) be (completely|entirely|definitively|) (ruled out|excluded); not (be|been|)
        (completely|entirely| definitively|yet|) (ruled out|excluded); (is|are|was|were) (a|in|)
        (possibility|question|in question| questionable|uncertain|unclear|not certain); in the
        differential; to be ruled out; to be excluded; is in question; on the differential; ?""",
    ),
    (
        Cue("historical"),
        """as a (child|kid|teenager|teen|baby|boy|girl|student|young man|young woman|young
        adult|youngster|toddler); as an (infant|adolescent); in (childhood|infancy|adolescence|her
        youth|his youth|my youth|the past|my teens|his teens|her teens|my twenties|my 20s); during
        (childhood|adolescence|infancy); when (i|he|she) was (a|) (child|kid|
        young|little|younger|teenager|small); (went|gone|goes|going) away; (has|have|is|are|had)
        (now|since|completely| all|) (gone|resolved|disappeared|subsided|ceased|cleared|cleared
        up|stopped|abated|vanished); disappeared; subsided; abated; cleared up; (has|have|had) been
        (cured|treated and cured|resolved); was cured; stopped; in remission; (decades|long) ago; last
        year""",
    ),
    (
        Cue("historical", drug=True),
        """
        (was|were|been|being|is|are) (then|later|subsequently|recently|) (discontinued|stopped|withdrawn|held
        |ceased|halted|tapered off|weaned off); discontinued; withdrawn; (dc'd|d/c); (stopped|withdrawn)""",
    ),
    (
        Cue("hypothetical", limit=4),
        "prophylaxis; prevention; screening; vaccine; vaccination; precautions; risk",
    ),
    (Cue("family", limit=12), "runs in ({POSS}|the) family; run in ({POSS}|the) family; in the family"),
]
_EITHER: list[tuple[Cue, str]] = [
    (Cue("absent"), "denied"),
    (Cue("absent", limit=3), "negative; neg; excluded; nonexistent"),
    (Cue("absent", named=True), "absent"),
    (Cue("historical", limit=5, listed=True), "resolved"),
    (
        Cue("possible", listed=True),
        "suspected; likely; unlikely; doubtful; less likely; more likely; most likely; possible; probable",
    ),
    (Cue("possible", limit=6), "vs; versus"),
]
_NEUTRAL: list[tuple[Cue, str]] = [
    (
        Cue("pseudo"),
        """no ({ADJ}) ({SAME}); no ({ADJ}) ({SAME}) (in|of|from|for|to|with|on|was|); (without|w/o) ({ADJ})
        ({SAME}) (in|of|from|for|to|with|on|); (without|no) (any|) (interval|)
        (change|changes|improvement|relief|response|effect) (in|of|from|to|for|); no pain
        (relief|control|medication|medications|killers|management); no (doubt|question|
        wonder|matter|better|worse|other than|problem|stranger to|sooner|escape from); not
        (only|just|merely|simply|
        necessarily|solely|all|always|every|infrequently|uncommon|rare|uncommonly|unusual|bad|yet
        diagnosed); without (doubt|question|delay|warning|success|incident); no more than; none since;
        {NT} (really|fully|completely|been|yet|quite|) (respond|
        responding|responded|responsive|improve|improving|improved|resolve|resolving|resolved|help|helping|helped|
        relieve|relieved|controlled|control|tolerate|tolerating|tolerated|sleep|sleeping|slept|able|go
        away|going away|gone|gone
        away|stop|stopping|stopped|eat|eating|walk|walking|work|working|worked|like|better|well|feel
        well|feeling well|feel good|feel
        right|changed|change|worsen|worsening|worsened|cope|coping|want|need|
        remember|understand|know|touch|move|subside|subsided|disappear|disappeared|settle|get
        better|getting better| getting any better|get rid of|got rid of|stop taking|shake|ease|eased|let
        up|go|seem to|treated|diagnosed until| due to be|compliant with|adherent to|given anything
        for|seen a doctor|affect|affected|interfere with| abate|abated|allow|used to); never (goes
        away|went away|go away|resolved|stops|stopped|improved|improves|been so| been this|better);
        ({CANT}); (won't|wouldn't|shouldn't|will not|would not|should not|may not|might not|must not);
        gram (- |)(negative|neg); (rh|false|triple|double) (- |)(negative|negatives); negative
        (pressure|affect|mood|thoughts|feedback|margins); ({HX}) of (the|) (present|presenting|current)
        (illness| complaint|complaints|problem); (presented|presents|presenting|came|comes|admitted) with
        (a|an|the|) ({HX}) of; (am|is|are|was|get|got) used to; prior to; previous
        (day|night|week|visit|visits|admission|month|year|studies|study| report|reports|section); past
        (few|couple|several|two|three|week|weeks|month|months|year|years|day|days|24); the past; as if;
        even if; (only|just) if; in remission since; family
        (doctor|physician|member|members|practice|practitioner| practice|medicine|planning); free
        (t3|t4|text|fluid|air|thyroxine|testosterone); in (may|march); may
        (1|2|3|4|5|6|7|8|9|10|2019|2020); likely to (last|go|improve); old man; old woman; old
        (male|female| lady|gentleman|boy|girl|patient); year - old; year old; prior
        (day|night|week|visit|admission|to); no sooner; not (a|) long after; (why|when|where|how)
        (do|does|did|could|can|might) (i|he|she); stop (eating|walking|working|sleeping|worrying);
        (worried|concerned|anxious|nervous) about ({POSS}|the|this|these|that|those); what (is|are|was)
        (wrong|happening|causing|the matter); what (is|are) ({POSS}|this|these|those) ; explain
        (my|this|these|his|her|the); how is (my|his|her|the); about (my|this); (if|whether)
        (so|not|possible|needed|necessary|any); what (is|are) (the best|the right|good) (treatment|way);
        (signs|symptoms) of; (showed|shows|had|has|with|showing|revealed) (signs|symptoms) of;
        (treatment|causes) of; (afraid|scared) of ({POSS}); cut off; wear off; wears off; drop off; doze
        off; well off; off (and on|balance|and); fall off; on and off; on - off; brush off; run off;
        (known|diagnosed) (to|with)""",
    ),
    (
        Cue("stop"),
        """but; however; except (for|); although; though; nevertheless; nonetheless; aside from; apart from;
        other than; because (of|); due to; secondary to; caused by; as a result of; owing to; attributed
        to; despite; in spite of; since; besides; until; when; while; whilst; whereas; who; which; after;
        following; before; during; just; thus; hence; therefore; causing; resulting in; leading to; instead;
        otherwise; yet; so; which; even though; with the exception of; treated with; resulted in; ruled
        in; given; only""",
    ),
    (
        Cue("affirm"),
        """reports; reported; reporting; complains (of|); complained (of|); complaining of; c/o; endorses;
        endorsed; admits (to|); admitted (with|for|to|); presents (with|); presented (with|); presenting
        with; positive (for|); yes; still; now; currently; today; develops; developed; developing;
        experiences; experienced; notices; noticed; noted; found to have; there (is|are|was|were);
        diagnosed with; began; started; shows; showed; showing; reveals; revealed; demonstrated;
        confirmed; came with; came in with; normal; [x]; +; ☑; ☒; ✓; ✔; +ve; worsened; suffers from;
        suffering from; continues to have; continues; states; stated; says; feels; felt; mentions;
        recalls; on examination; demonstrates; disclosed; remains; underwent; describes; described;
        discovered; gets""",
    ),
    (Cue("absent"), "[ ]; []; ☐; □; ✗; ✘"),
]

_GROUP = re.compile(r"\(([^()]*)\)")
_WORD = re.compile(r"\[[ xX]?\]|[a-z]/[a-z]\b|[^\W\d_]+(?:'[^\W\d_]+)*|\d+|-ve|\+ve|[^\w\s]")
_Node = dict[str, "_Branch"]


class _Branch:
    __slots__ = ("cues", "next")

    def __init__(self) -> None:
        self.next: _Node = {}
        self.cues: tuple[Cue, ...] = ()


def _phrases(lines: str) -> list[list[str]]:
    """The phrases of a rule with every choice in brackets written out, as words."""
    for name, choices in _MACROS.items():
        lines = lines.replace(f"({{{name}}})", f"({choices})").replace(f"({{{name}}}|", f"({choices}|")
        lines = lines.replace(f"|{{{name}}})", f"|{choices})").replace(f"|{{{name}}}|", f"|{choices}|")
        lines = lines.replace(f"{{{name}}}", f"({choices})")
    found = []
    for phrase in " ".join(lines.split()).split(";"):
        parts = _GROUP.split(phrase)
        choices_of = [part.split("|") if place % 2 else [part] for place, part in enumerate(parts)]
        for chosen in product(*choices_of):
            found.append(_WORD.findall(" ".join(chosen)))
    return [words for words in found if words]


@cache
def _lexicon() -> _Node:
    """All phrases as a tree of words. A phrase may have several cues; a neutral one stands alone."""
    root: _Node = {}
    tables = [(_AFTER, "after"), (_BEFORE, "before"), (_EITHER, "either"), (_NEUTRAL, "after")]
    for table, reach in tables:
        for cue, lines in table:
            meant = Cue(cue.kind, reach, cue.limit, cue.listed, cue.wide, cue.named, cue.drug)  # type: ignore[arg-type]
            for words in _phrases(lines):
                node = root
                for word in words[:-1]:
                    node = node.setdefault(word, _Branch()).next
                branch = node.setdefault(words[-1], _Branch())
                if table is _NEUTRAL:
                    branch.cues = (meant,)
                elif meant not in branch.cues:
                    branch.cues = (*branch.cues, meant)
    return root


def find(words: Sequence[str], first: int, last: int) -> list[Hit]:
    """The cues in `words` from `first` to `last` (exclusive): the longest at each place, none overlapping."""
    root = _lexicon()
    hits: list[Hit] = []
    place = first
    while place < last:
        node, end, step = root, place + 1, place
        cues: tuple[Cue, ...] = ()
        while step < last and (branch := node.get(words[step])) is not None:
            step += 1
            if branch.cues:
                cues, end = branch.cues, step
            node = branch.next
        hits.extend(Hit(place, end, cue) for cue in cues)
        place = end
    return hits
