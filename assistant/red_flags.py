"""The words behind `assistant.safety.triage`: red flags, as data.

Each rule names signs as patterns; how they are read (negation, time, whom they concern) is safety's work.
Nothing here decides anything by itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Advice = Literal["emergency", "crisis", "poison", "urgent"]


def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


@dataclass(frozen=True)
class Rule:
    """Fires when all `signs` hold near one another and each of `context` is at least not denied.

    `literal` signs carry a negation of their own ("can't breathe") and count in questions as well.
    """

    name: str
    level: Literal["emergency", "urgent"]
    signs: tuple[re.Pattern[str], ...]
    context: tuple[re.Pattern[str], ...] = ()
    advice: Advice = "emergency"
    literal: bool = False


def _emergency(
    name: str, *signs: str, context: tuple[str, ...] = (), advice: Advice = "emergency", literal: bool = False
) -> Rule:
    return Rule(
        name,
        "emergency",
        tuple(_compile(sign) for sign in signs),
        tuple(_compile(item) for item in context),
        advice,
        literal,
    )


def _urgent(name: str, *signs: str, context: tuple[str, ...] = ()) -> Rule:
    compiled = tuple(_compile(sign) for sign in signs)
    return Rule(name, "urgent", compiled, tuple(_compile(item) for item in context), "urgent")


_CHEST_PAIN = (
    r"\b(?:band|belt)\b[^.;,\n]{0,12}\bchest\b|\b(?:pain|burning|pressure) (?:behind|under) (?:my|his|her"
    r"|the) (?:breastbone|sternum)\b|\b(?:chest"
    r"|breastbone|sternum)\s*(?:pains?|hurts?|tight\w*|pressure|heav\w+|discomfort|ach\w+|is "
    r"(?:tight|heavy)|"
    r"feels (?:tight|heavy))|\b(?:pain|pressure|tightness|weight|elephant)\b[^.;,\n]{0,20}\b(?:in|on"
    r"|across)\b"
    r"[^.;,\n]{0,8}\bchest\b|\b(?:tight|heavy) chest\b"
)
_BREATHLESS = (
    r"\b(?:short(?:ness)? of breath|breathless\w*|dyspno?ea|trouble breathing|difficulty breathing)\b"
)
_SUDDEN = r"\b(?:sudden(?:ly)?|all of a sudden|abrupt(?:ly)?|out of nowhere|since (?:this|an hour))\b"
_FEVER = (
    r"\b(?:fever\w*|febrile|high temperature|temperature (?:of )?(?:3[89]|4[01])|(?:38|39|40)(?:\.\d)? ?°)"
)
_CONFUSED = r"\b(?:confus(?:ed|ion)|delirious|drowsy|disoriented|mottled skin|not making sense)\b"
_PREGNANT = r"\bpregnan(?:t|cy)\b|\bweeks? (?:pregnant|gestation)\b"
_DIABETES = r"\bdiabet(?:es|ic)\b|\binsulin\b"
_THINNERS = (
    r"\b(?:warfarin|apixaban|rivaroxaban|edoxaban|dabigatran|eliquis|xarelto|blood thinners?"
    r"|anticoagulants?)\b"
)
_HEAD_INJURY = (
    r"\b(?:hit|banged|bumped|struck|knocked) (?:my|his|her|their|the) head\b|\bhead (?:injury|trauma)\b"
    r"|\bblow to the head\b|\bfell on (?:my|his|her) head\b"
)
_BABY = (
    r"\b(?:baby|infant|son|daughter|girl|boy)\b[^.;\n]{0,12}\(?\b(?:[0-9]|1[0-2]) ?(?:weeks?|wks?|days?)\b"
    r"|\bnew-?born\b|\b(?:[0-9]|1[0-2]|one|two|three|four|five|six|seven|eight|ten|twelve)[- ]weeks?[- ]old\b"
    r"|\b(?:1|2|one|two)[- ]months?[- ]old\b"
)
_BACK = r"\bback (?:pain|ache|hurts)|\bbackache\b|\bsciatica\b|\bslipped disc\b"

RULES: tuple[Rule, ...] = (
    # Heart
    _emergency(
        "Chest pain of a dangerous kind",
        r"\bhaving (?:bad |strong )?chest pains?\b|\bchest pains? (?:right )?now\b"
        r"|\bchest\b[^.;,\n]{0,12}\b(?:squeez|crush)\w*|\b(?:crushing|squeezing|severe|heavy"
        r"|sudden)\b[^.;,\n]{0,15}\bchest (?:pain|pressure|tightness)\b"
        r"|\bchest (?:pain|pressure|tightness)\b[^.;\n]{0,40}\b(?:radiat\w+|spread\w*|going (?:down|to"
        r"|into)|into|down)\b"
        r"[^.;\n]{0,25}\b(?:arms?|jaw|neck|back|shoulders?)\b|\belephant\b[^.;,\n]{0,25}\bchest\b",
    ),
    _emergency(
        "Chest pain with other warning signs",
        _CHEST_PAIN,
        rf"\b(?:arms?|jaw"
        rf"|shoulder)\b[^.;,\n]{{0,8}}\b(?:hurts?|aches?|pain|numb|tingl\w+)|\bsweat\w*|\bclammy\b"
        rf"|\bfaint(?:ed|ing)?\b|\bpassed out\b|\bgr[ae]y\b|{_BREATHLESS}|\bcan'?t "
        rf"breathe\b",
    ),
    _emergency("Heart attack feared", r"\b(?:having|think it'?s|think this is|it is) a heart attack\b"),
    # Brain
    _emergency(
        "Signs of a stroke",
        r"\b(?:face|mouth|smile|eyelid)\b[^.;,\n]{0,25}\b(?:droop\w*|dropp\w+|crooked|lopsided|hang\w*"
        r"|numb)\b"
        r"|\b(?:facial|face) droop\w*|\bdroop\w* (?:face|mouth|smile)\b"
        r"|\b(?:one|left|right) side\b[^.;,\n]{0,25}\b(?:numb|weak|paraly[sz]ed|went (?:numb|weak))\b",
    ),
    _emergency(
        "Sudden trouble with speech",
        r"\b(?:words|speech)\b[^.;,\n]{0,20}\b(?:jumbled|garbled|muddled|gibberish)"
        r"|\b(?:sudden(?:ly)?)\b[^.;\n]{0,30}\b(?:slurr\w+|(?:can'?t|cannot) (?:speak|talk))"
        r"|\b(?:can'?t|cannot) (?:speak|talk)\b[^.;\n]{0,20}\bsudden\w*"
        r"|\b(?:speech|words)\b[^.;,\n]{0,20}\b(?:sudden\w*|slurr\w*)|\bslurr(?:ed"
        r"|ing)\b[^.;,\n]{0,12}\b(?:speech|words)\b",
    ),
    _emergency(
        "Sudden weakness",
        rf"{_SUDDEN}[^.;\n]{{0,25}}\b(?:weak\w*|numb\w*|paraly\w+|can'?t move)\b|"
        rf"\b(?:weak|numb|paraly[sz]ed|can'?t move)\w*\b[^.;\n]{{0,30}}{_SUDDEN}",
    ),
    _emergency("Stroke feared", r"\b(?:having|think it'?s|think this is|it is) a stroke\b"),
    _emergency(
        "Sudden, very severe headache",
        r"\bhead (?:hurts|pain|aches)\b[^.;\n]{0,12}\blike never before\b|\b(?:worst|thunderclap"
        r"|explosive)\b[^.;\n]{0,15}\bhead-?ache\b"
        r"|\bhead-?ache\b[^.;\n]{0,40}\bthunderclap\b"
        r"|\bsudden(?:ly)?\b[^.;\n]{0,15}\b(?:severe|terrible|explosive|violent)\b[^.;\n]{0,5}\bhead-?ache\b",
    ),
    _emergency(
        "A long or first seizure",
        r"\b(?:[2-9]|two|three|four|five|several|many|more) (?:seizures|fits)\b[^.;\n]{0,20}\b(?:today|hour"
        r"|row|now)\b|\bhaving (?:a |another )?(?:seizures?|fits?)\b|\b(?:seizure|seizing|fitting"
        r"|convuls\w+|fit)\b[^.;\n]{0,30}\b(?:(?:[5-9]|[1-9]\d|five|six|ten"
        r"|fifteen|twenty) ?min\w*"
        r"|won'?t stop|not stopping|one after another|still going)"
        r"|\bfirst(?:[- ]ever)? (?:seizure|fit|convulsion)\b|\bhaving a (?:seizure|fit)\b|\b(?:is|been"
        r"|keeps?) seizing\b|\b(?:second|another|third) (?:seizure|fit)\b[^.;\n]{0,15}\btoday\b",
    ),
    _emergency(
        "Not conscious",
        r"\bhit by a (?:car|bus|truck|lorry|train)\b|\b(?:isn't|is not|not|stopped) respond\w*\b"
        r"|\b(?:passed|blacked) out\b"
        r"|\bheart\b[^.;,\n]{0,15}\bstopped\b|\bno pulse\b|\belectrocuted\b|\bunconscious\b"
        r"|\bunresponsive\b|\bnot responding\b|\bcollapsed\b",
    ),
    _emergency(
        "Can't be woken",
        r"\b(?:can'?t|cannot|could not|couldn'?t|won'?t|will not|doesn'?t|does not|not) (?:be )?(?:wake"
        r"|woken|waking|rouse)\w*\b"
        r"(?! (?:up )?(?:early|on time|for work|in time))",
        literal=True,
    ),
    _emergency(
        "Floppy or limp child",
        r"\b(?:baby|infant|child|son|daughter|toddler)\b[^.;,\n]{0,15}\b(?:floppy|limp)\b",
    ),
    _emergency(
        "Head injury with warning signs",
        _HEAD_INJURY,
        r"\bvomit\w*|\bthrowing up\b|\bunconscious\b|\bpassed out\b|\bblack(?:ed)? ?out\b|\bconfus\w+"
        r"|\bdrowsy\b|\bseizure\b"
        r"|\bclear fluid\b|\bdouble vision\b",
    ),
    _emergency("Head injury while taking an anticoagulant", _HEAD_INJURY, context=(_THINNERS,)),
    _emergency(
        "Signs of meningitis",
        _FEVER,
        r"\bstiff(?:ness)?\b[^.;,\n]{0,12}\bneck\b|\bneck\b[^.;,\n]{0,12}\bstiff\w*"
        r"|\brash\b[^.;\n]{0,25}\b(?:doesn'?t|not|won'?t) fade",
    ),
    _emergency(
        "A rash that does not fade",
        r"\brash\b[^.;\n]{0,25}\b(?:doesn'?t|does not|won'?t) (?:fade|blanch|disappear)|\bnon-?blanching\b",
    ),
    # Breathing and allergy
    _emergency(
        "Can't breathe",
        r"\b(?:can'?t|cannot|can not|can hardly|can barely|could not|couldn'?t|unable to) (?:breathe"
        r"|(?:finish|complete) (?:a |my )?sentences?|catch "
        r"(?:my|his|her) breath)\b",
        literal=True,
    ),
    _emergency(
        "Severe breathlessness",
        r"\b(?:struggl\w+|fighting|gasping) (?:to breathe|for (?:breath|air))\b"
        r"|\b(?:severe|extreme|sudden)(?:ly)?\b[^.;,\n]{0,12}\b(?:short(?:ness)? of breath|breathless\w*"
        r"|dyspno?ea)\b"
        r"|\b(?:short(?:ness)? of breath|breathless\w*|dyspno?ea) (?:at|even at|when at) rest\b"
        r"|\btoo breathless to (?:speak|talk)\b|\bstopped breathing\b|\bnot breathing\b|\bchoking\b",
    ),
    _emergency(
        "Blue lips",
        r"\b(?:lips?|fingers?|fingertips)\b[^.;\n]{0,25}\b(?:are|is|look|gone|turned|went) (?:blue|gr[ae]y"
        r"|purple)\b|\b(?:lips?|face|tongue|skin)\b[^.;,\n]{0,15}\b(?:blue|bluish)\b|\bblue lips\b"
        r"|\b(?:turning|going"
        r"|gone|turned) blue\b|\bcyanosis\b"
        r"|\bcyanotic\b",
    ),
    _emergency(
        "Swelling of tongue or throat",
        r"\b(?:throat|tongue|airway)\b[^.;,\n]{0,18}\b(?:swell\w*|swollen|clos\w+|tighten\w*)"
        r"|\bswollen (?:tongue|throat)\b|\banaphyla\w+",
    ),
    _emergency(
        "A severe allergic reaction",
        r"\ballergic reaction\b|\b(?:lips?|face|eyes)\b[^.;,\n]{0,18}\b(?:swell\w*|swollen)\b|\bhives\b"
        r"|\bstung\b",
        r"\bwheez\w+|\bfaint\w*|\bdizzy\b|\bcollaps\w+|\bbreath\w*|\bthroat\b|\btongue\b",
    ),
    # Bleeding
    _emergency(
        "Vomiting blood",
        r"\bblood (?:in|with) (?:my |his |her |the )?vomit\b|\b(?:vomit\w*|throw\w* up|puk\w+|bring\w* up) "
        r"(?:of |up )?(?:\w+ )?blood\b|\bh[a]?ematemesis\b"
        r"|\bcoffee[- ]ground",
    ),
    _emergency(
        "Black or bloody stools",
        r"\b(?:poop|poo|stools?|shit)\b[^.;,\n]{0,12}\b(?:black and sticky|black as tar|pitch black|full of "
        r"blood)|\bblack\b[^.;,\n]{0,6}\bpoop?\b|\b(?:stools?|poo|bowel motions?|faeces"
        r"|feces)\b[^.;,\n]{0,18}\b(?:black|tarry)\b(?! (?:from"
        r"|because))"
        r"|\b(?:black|tarry)[, ](?:and )?(?:tarry |sticky )?(?:stools?|poo|faeces|feces)\b|\bmel[a]?ena\b",
    ),
    _emergency(
        "Heavy bleeding",
        r"\blos(?:t|ing) (?:a lot|lots|too much|so much) (?:of )?blood\b|\bblood (?:is )?everywhere\b"
        r"|\b(?:shot|stabbed) (?:myself|himself|herself|him|her|me)?\b|\b(?:was|been|got) (?:shot"
        r"|stabbed)\b|\bbleeding to death\b|\bbleeding badly\b|\bbleeding\b[^.;\n]{0,15}\b(?:won'?t stop"
        r"|not stopping|heavily|profuse\w*|a lot)|\b(?:heavy"
        r"|severe|massive) bleeding\b"
        r"|\bblood\b[^.;\n]{0,15}\b(?:pouring|spurting|gushing)\b|\b(?:cough\w*) up (?:a lot|lots|large "
        r"amounts?|cups?) of blood\b",
    ),
    # Mind
    _emergency(
        "Thoughts of suicide",
        r"\b(?:think\w*|thoughts?|plan\w*|consider\w*) (?:about |of |on )?suicide\b|\bend(?:ing)? it "
        r"(?:tonight|today|now|soon|for good)\b|\bwant it (?:all )?to be over\b|\blife is "
        r"(?:pointless|meaningless|over)\b|\bunalive\b|\bkms\b|\bgoodbye note\b|\bjump(?:ing)? "
        r"off\b[^.;,\n]{0,12}\b(?:bridge|roof|building)\b|\bbetter (?:off )?without me\b|\b(?:kill(?:ing)?"
        r"|hang(?:ing)?|shoot(?:ing)?|drown(?:ing)?) (?:myself|himself|herself"
        r"|themselves)\b|\bsuicidal\b"
        r"|\b(?:wanna|(?:want|wants|wanted|going|wish|wishes|ready) to) (?:die|kill my ?self|be dead|end it "
        r"all|commit suicide)\b"
        r"|\bend(?:ing)? (?:my|his|her|their|it) (?:own )?(?:life|all)\b|\btake my (?:own )?life\b|\btaking "
        r"my (?:own )?life\b"
        r"|\bbetter off dead\b|\bcommit(?:ting)? suicide\b|\bsuicide (?:note|plan|attempt)\b",
        advice="crisis",
    ),
    _emergency(
        "Thoughts of suicide",
        r"\b(?:don'?t|do not|doesn'?t|does not|no longer) want to (?:live|be alive|wake up|exist|be here)\b"
        r"|\b(?:no|(?:don'?t|do not|can'?t) see (?:a|any)) (?:reason|point) (?:to|in) (?:keep |go on "
        r")?liv(?:e|ing)\b|\bcan'?t go on (?:living|any ?more)\b|\blife is(?:n'?t| not) worth living\b"
        r"|\bhow many (?:pills|tablets)\b[^.\n]{0,25}\bto (?:die|kill)\b|\blethal dose (?:for|to) (?:me"
        r"|kill|die)\b"
        r"|\bso (?:that )?(?:i|they|he|she) (?:don'?t|do not|doesn'?t|does not|won'?t|will not|never) "
        r"wake up\b"
        r"(?! (?:at night|in the night|during|early|tired|too|so|several|sick|sore|thirsty|hungry))"
        r"|\b(?:going to|gonna|will|about to|want(?:s|ed)? to|plan(?:s|ned|ning)? to|intend(?:s|ing)? to"
        r"|thinking (?:of|about)) (?:tak(?:e|ing)|swallow(?:ing)?) (?:all|every one)(?: of)? "
        r"(?:my|his|her|their|the|these|those) (?:pills|tablets|meds|medication|medicines)\b"
        r"(?! (?:in the|at (?:breakfast|lunch|dinner|bed)|with|before|after|every|as|together|daily|like))"
        r"|\b(?:going|want(?:s|ed)?|plan(?:s|ned|ning)?|intend(?:s|ing)?|about) to (?:take an )?overdose\b"
        r"|\bthinking (?:of|about) (?:taking an )?overdos(?:e|ing)\b",
        advice="crisis",
        literal=True,
    ),
    _emergency(
        "Self-harm",
        r"\bslit(?:ting)? (?:my|his|her|their) (?:wrists?|throat)\b|\b(?:cut|cutting|hurt|hurting|harm"
        r"|harming|burn|burning) (?:myself|himself|herself|themselves)\b"
        r"(?! (?:shaving|while|when|cooking|on|by accident|with the))|\bself[- ]harm(?:ing|ed)?\b",
        advice="crisis",
    ),
    _emergency(
        "Overdose or poisoning",
        r"\b(?:ate|eaten|swallowed|took|taken|got into|drank)\b[^.;,\n]{0,14}\b(?:my|our|grand\w+'s"
        r"|someone's|mum's|mom's|dad's|too many|too much of)\b[^.;,\n]{0,14}\b(?:pills?|tablets?|medicines?"
        r"|medication|meds)\b(?! (?:as|like|at|with|on|every|today|this|daily))|\b(?:taken|took|swallowed"
        r"|had|taking)\b[^.;\n]{0,20}\boverdose\b|\boverdosed\b|\bis overdosing\b"
        r"|\b(?:took|taken|swallowed)\b[^.;,\n]{0,12}\b(?:[2-9]\d|1[0-9]\d|a (?:whole )?(?:bottle|box"
        r"|packet|handful)(?: of)?|all (?:of )?(?:my|his|her|the))"
        r"\b(?! ?(?:mg|ml|mcg|g\b|units|µg|iu\b|%))[^.;,\n]{0,14}\b(?:tablets?|pills?|capsules?|paracetamol"
        r"|tylenol|aspirins?|ibuprofen|codeine|valium|medicines?|medication)\b"
        r"|\b(?:swallowed|drank|drunk|ate|eaten|inhaled)\b[^.;,\n]{0,14}\b(?:bleach|antifreeze|poison\w*"
        r"|detergent|pesticide|"
        r"batter(?:y|ies)|weedkiller|drain cleaner)\b|\bpoisoned\b|\bcarbon monoxide\b[^.;\n]{0,15}\balarm\b",
        advice="poison",
    ),
    # Sepsis, abdomen, pregnancy, children
    _emergency("Signs of sepsis", rf"{_FEVER}|\binfection\b", _CONFUSED),
    _emergency("Sepsis feared", r"\b(?:has|have|having|think it'?s|is in) (?:sepsis|septic shock)\b"),
    _emergency(
        "Bleeding or severe pain in pregnancy",
        r"\bworst\b[^.;,\n]{0,15}\b(?:pain|cramps?)\b|\bbleeding\b|\b(?:severe|terrible|unbearable"
        r"|sharp)\b[^.;,\n]{0,15}\b(?:abdominal|stomach|belly"
        r"|tummy|pelvic)?\s*(?:pain|cramps?)\b"
        r"|\bbaby\b[^.;,\n]{0,20}\b(?:stopped moving|not moving|moving less)\b",
        context=(_PREGNANT,),
    ),
    _emergency(
        "Severe pain in the belly",
        r"\b(?:rigid|rock[- ]hard|board-?like)\b[^.;,\n]{0,10}\b(?:abdomen|belly|stomach|tummy)\b"
        r"|\bsudden(?:ly)?\b[^.;,\n]{0,10}\b(?:severe|terrible|agoni[sz]ing"
        r"|tearing)\b[^.;,\n]{0,12}\b(?:abdominal|stomach|belly|tummy|back)\b[^.;,\n]{0,6}\bpain\b"
        r"|\btearing\b[^.;,\n]{0,12}\bpain\b[^.;,\n]{0,12}\b(?:back|chest)\b",
    ),
    _emergency(
        "Fever in a young baby",
        rf"{_FEVER}|\btemperature\b",
        context=(_BABY,),
    ),
    _emergency(
        "Pain in a testicle",
        r"\b(?:balls?|nuts|scrotum)\b[^.;,\n]{0,8}\b(?:hurts?|pain\w*|ach\w+"
        r"|swollen)\b[^.;\n]{0,25}\bsudden\w*|\bsudden\w*\b[^.;\n]{0,25}\b(?:scrotum|scrotal)\b|\b(?:sudden"
        r"|severe|unbearable|terrible|agoni[sz]ing)\b[^.;\n]{0,20}\btest(?:icle|icular|is|es)s?\b"
        r"|\btest(?:icle|icular|is)s?\b[^.;\n]{0,20}\b(?:sudden\w*|severe|unbearable|excruciating)",
    ),
    _emergency(
        "Signs of pressure on the lower nerves of the spine",
        r"\b(?:can'?t feel|cannot feel|numb\w*)\b[^.;\n]{0,25}\b(?:groin|saddle|genitals?|between (?:my|the"
        r"|his|her) legs|buttocks)"
        r"|\bsaddle an[a]?esthesia\b|\b(?:lost|loss of) (?:control of )?(?:my |his |her )?(?:bladder"
        r"|bowel)s?(?: control)?\b",
        context=(_BACK,),
    ),
    _emergency(
        "Sudden loss of sight",
        r"\b(?:vision|sight|eye)\b[^.;,\n]{0,20}\b(?:went|gone|turned) (?:black|dark|blank)\b|\bgone "
        r"blind\b|\b(?:can'?t|cannot|could not|couldn'?t) see\b[^.;\n]{0,25}\bsudden\w*"
        r"|\bsudden(?:ly)?\b[^.;\n]{0,20}\b(?:blind\w*|los(?:t|ing|s of) (?:my |his |her |the )?(?:vision"
        r"|sight)|can'?t see)"
        r"|\b(?:lost|losing|loss of) (?:my |his |her )?(?:vision|sight|eyesight)\b[^.;\n]{0,25}\bsudden\w*"
        r"|\bcurtain\b[^.;\n]{0,15}\b(?:vision|eye)\b",
    ),
    _emergency(
        "Signs of diabetic ketoacidosis",
        r"\bfruity\b|\bacetone\b|\bnail (?:polish|varnish)\b|\bketones?\b|\bbreathing (?:deep|fast|rapid)\w*"
        r"|\bvomit\w*[^.;\n]{0,25}\bdrows\w+",
        r"\bvomit\w*|\bthrowing up\b|\bdrowsy\b|\bbreath\w*|\bhigh\b",
        context=(_DIABETES,),
    ),
    # Today, though not an ambulance
    _urgent("Chest pain", _CHEST_PAIN),
    _urgent(
        "Blood in the urine",
        r"\bblood\b[^.;,\n]{0,8}\b(?:urine|pee|wee)\b|\bbloody urine\b|\bh[a]?ematuria\b",
    ),
    _urgent(
        "Coughing up blood", r"\bcough\w* (?:up )?(?:some |a little |streaks of )?blood\b|\bh[a]?emoptysis\b"
    ),
    _urgent(
        "Blood in the stool",
        r"\b(?:blood|bleeding)\b[^.;,\n]{0,12}\b(?:stools?|poo|bottom|back passage|rectum)\b",
    ),
    _urgent(
        "A swollen, painful calf",
        r"\b(?:calf|leg)\b[^.;\n]{0,25}\b(?:swollen|swelling)\b|\bswollen (?:calf|leg)\b",
        r"\b(?:painful|pain|red|hot|tender|sore)\b",
    ),
    _urgent(
        "Fever with weak defences",
        _FEVER,
        context=(
            r"\bchemo\w*|\btransplant\w*|\bimmunosuppress\w+|\bneutrop[a]?enia\b|\bmethotrexate\b|\bno "
            r"spleen\b",
        ),
    ),
    _urgent(
        "A long or high fever",
        rf"\bhigh fever\b|{_FEVER}[^.;\n]{{0,20}}\bfor (?:[4-9]|\d\d|four|five|six|seven) days\b"
        rf"|\btemperature (?:of )?(?:40|41)\b",
    ),
    _urgent(
        "A painful red eye",
        r"\beye\b[^.;\n]{0,20}\b(?:painful|hurts)\b|\bpainful\b[^.;,\n]{0,8}\beye\b",
        r"\bred\b",
    ),
    _urgent("Very high blood pressure", r"\b(?:1[89]\d|2\d\d) ?(?:/|over) ?\d{2,3}\b|\b\d{3} ?/ ?1[2-9]\d\b"),
    _urgent("Bleeding in pregnancy", r"\bspotting\b|\bleaking (?:fluid|water)\b", context=(_PREGNANT,)),
    _urgent("Hopelessness", r"\b(?:feel\w*|am|i'm|is|so) (?:\w+ )?hopeless\b|\bsee no (?:point|future)\b"),
    _urgent("A new lump", r"\blumps?\b[^.;,\n]{0,10}\b(?:breast|testicle|neck|armpit)\b"),
    _urgent(
        "Not keeping fluids down",
        r"\b(?:can'?t|cannot|unable to|not able to) keep\b[^.;,\n]{0,25}\b(?:down|in)\b",
    ),
    _urgent(
        "Breathlessness",
        r"\b(?:new|worse|worsening|increasing)\b[^.;,\n]{0,14}\b(?:short(?:ness)? of breath|breathless\w*)",
    ),
    _urgent("A head injury", _HEAD_INJURY),
)
