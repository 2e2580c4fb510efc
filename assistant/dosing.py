"""The words behind `assistant.safety.dosing_request`: individual doses, prescriptions and changes, as data.

Medicines are known by a list and by the endings of their international names, so the list is not
complete. Nothing here decides anything by itself.
"""

from __future__ import annotations

import re


def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


MEDICINE = (
    r"(?:\b(?:medic(?:ine|ines|ation|ations)|meds|pills?|tablets?|drugs?|antibiotics?|antidepressants?"
    r"|painkillers?|steroids?|"
    r"insulin|statins?|inhalers?|blood thinners?|beta[- ]?blockers?|diuretics?|opioids?|aspirin|paracetamol"
    r"|acetaminophen|"
    r"tylenol|ibuprofen|naproxen|codeine|morphine|tramadol|warfarin|heparin|levodopa|madopar|sinemet"
    r"|lithium|digoxin|"
    r"amiodarone|methotrexate|levothyroxine|thyroxine|prednisone|valproate|lamotrigine|carbamazepine"
    r"|gabapentin|pregabalin|"
    r"amitriptyline|mirtazapine|venlafaxine|citalopram|clopidogrel|ozempic|viagra|melatonin|antihistamines?"
    r"|laxatives?|"
    r"doses?|dosages?)\b|\b\w{2,}(?:pril|sartan|olol|statin|azole|zepam|zolam|mycin|cillin|oxetine|traline"
    r"|opram|gliptin|"
    r"gliflozin|glutide|formin|dopa|xaban|gatran|semide|thiazide|triptan|profen|codone|racetam|tidine|olone"
    r"|asone|dipine|"
    r"giline|pexole|nirole|capone|pezil|mantine|cycline|floxacin|lukast|terol|tamol)\b|\b\d+(?:\.\d+)? "
    r"?(?:mg|mcg|ml|units)\b)"
)
_WHO = r"(?:i|we|he|she|they|my \w+|our \w+)"
_CHANGE = (
    r"(?:take|taking|stop|stopping|start|starting|double|increase|raise|reduce|lower|cut|halve|skip|switch"
    r"|change|quit|use|"
    r"mix|combine|give|come off|go off|come off of|wean|taper|try|miss|up|adjust|crush|continue|restart)"
)

DOSING_RULES: tuple[re.Pattern[str], ...] = (
    # "How much levodopa should I take?", "What dose of metformin do I need?"
    _compile(
        rf"\b(?:how (?:much|many|often)|(?:what|which)(?: \w+)? (?:dose|dosage|strength))\b(?=.*{MEDICINE})"
        rf".*\b(?:should|can|do|does|may|must|could|would|shall|to)\b(?: {_WHO})?.{{0,15}}\b(?:take|need"
        rf"|give|use|inject|have|start)\b"
    ),
    # "Should I stop my warfarin?", "Can my mother take 800 mg of ibuprofen?"
    _compile(
        rf"\b(?:can|should|may|could|must|shall|do|would|when (?:can|should))\s+{_WHO}\s+(?:\w+ "
        rf"){{0,2}}?{_CHANGE}\b.*{MEDICINE}"
    ),
    _compile(
        rf"\b(?:ok|okay|safe|fine|all right|alright|dangerous|bad)\b.{{0,12}}\bto "
        rf"{_CHANGE}\b.*(?:{MEDICINE})"
    ),
    _compile(rf"\b(?:can|should) {_WHO} .{{0,25}}{MEDICINE}.{{0,20}}\b(?:together|at once|with)\b"),
    # "Which antibiotic should I take?"
    _compile(rf"\b(?:which|what)\b.{{0,20}}{MEDICINE}.{{0,12}}\b(?:should|can|could|must|do)\s+{_WHO}\b"),
    _compile(rf"\b(?:maximum|max|most)\b.*{MEDICINE}.*\b{_WHO} (?:can|should|may)\b"),
    _compile(
        rf"\b(?:safe|right|correct|normal|usual) (?:amount|dose|dosage)\b.*{MEDICINE}"
        r".*\bfor (?:me|my|him|her)\b"
    ),
    _compile(rf"\b(?:am i|is (?:he|she|my \w+)) allowed to {_CHANGE}\b.*{MEDICINE}"),
    _compile(rf"\bi need (?:more|some|a refill)\b.*{MEDICINE}"),
    _compile(rf"^\W*(?:please )?(?:increase|reduce|lower|double|stop|change|raise) my\b.*{MEDICINE}"),
    # "Prescribe me diazepam"
    _compile(
        r"\bprescribe (?:me|my|us|him|her)\b|\b(?:write|give|get|issue|renew|need|want|like"
        r"|send)\b.{0,20}\bprescription\b"
        r"|\b(?:can|could|will|would) you prescribe\b"
    ),
    # "Tell me my insulin dose", "8 mg for my 4 year old"
    _compile(
        r"\b(?:tell|give|calculate|recommend|suggest|work out|advise|adjust"
        r"|change)\b.{0,25}\bmy\b.{0,25}\b(?:dose|dosage|dosing)\b"
    ),
    _compile(
        r"\b(?:what is|what's|what should be) (?:my|his|her|the right|the correct)\b.{0,20}\b(?:dose"
        r"|dosage) (?:of .{2,25})?for (?:me|my|him|her)\b"
    ),
    _compile(rf"\bhow (?:many|much)\b.*{MEDICINE}.*\bfor (?:my|a|an|me|him|her)\b"),
    # "Is 50 mg enough for me?", "I want to come off my antidepressants"
    _compile(
        r"\bis \d+(?:\.\d+)? ?(?:mg|mcg|ml|units)\b"
        r".*\b(?:enough|too (?:much|little|high|low)|right|ok|okay|safe)\b"
    ),
    _compile(rf"\bi(?:'d| would)? (?:want|like|plan|need|am going) to {_CHANGE}\b.*{MEDICINE}"),
    _compile(rf"\bgive\b.*{MEDICINE}.*\bhow (?:often|much|many)\b"),
    _compile(rf"\b(?:what|which one) (?:should|can|could|must) {_WHO} take for\b"),
    # Harm
    _compile(
        r"\b(?:lethal|fatal|deadly) (?:dose|amount)\b|\bhow (?:many|much)\b.{0,45}\bto (?:die|kill|overdose"
        r"|end)\b"
    ),
)

# "My doctor gave me ramipril. Can I stop it?": counts where a medicine is named anywhere in the text.
POINTING_RULE = _compile(
    rf"\b(?:can|should|may|could|shall|must)\s+{_WHO}\s+(?:\w+ )?{_CHANGE} "
    r"(?:it|them|this|that|these|one|two|three|another|more|less|half|an extra|a double)\b"
)
MEDICINE_NAMED = _compile(MEDICINE)
# None of the rules can hold without one of these; most text is passed over by this search alone.
DOSING_WORD = _compile(rf"{MEDICINE}|\bprescri|\b(?:die|kill|end|lethal|fatal|deadly)\b|\btake for\b")
