"""The red-flag rules, the dosing refusal and the disclaimer, case by case.

Known false alarms, left as they are: "my cat is choking", "Romeo and Juliet commit suicide", "When should I
call an ambulance for chest pain?" (urgent). Known to pass: "Can I drink alcohol with metronidazole?".
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant import safety
from assistant.types import Finding

EMERGENCY = (
    "I have crushing chest pain going down my left arm",
    "My chest hurts and I'm sweating and short of breath",
    "chest pain radiating to the jaw since this morning",
    "My father's face is drooping and he can't speak properly",
    "Her speech suddenly became slurred",
    "sudden weakness in my right arm and leg",
    "One side of my face went numb all of a sudden",
    "This is the worst headache of my life, it came on like a thunderclap",
    "I got a sudden, explosive headache an hour ago",
    "I can't breathe",
    "He is struggling to breathe and his lips are blue",
    "Severe shortness of breath at rest",
    "My throat is swelling after eating peanuts",
    "I was stung by a bee and my tongue is swollen and I feel faint",
    "I'm vomiting blood",
    "my stools are black and tarry",
    "The bleeding won't stop, it is pouring out of the wound",
    "coughing up a lot of blood",
    "I want to kill myself",
    "I don't want to live anymore",
    "I'm thinking about ending my life",
    "I have been cutting myself",
    "My friend says she wants to die",
    "I took 30 paracetamol tablets",
    "my son swallowed bleach",
    "I think I have taken an overdose",
    "She has been having a seizure for ten minutes",
    "My husband just had his first seizure",
    "My wife collapsed and is unconscious",
    "I can't wake him up",
    "Fever, stiff neck and a rash that doesn't fade",
    "high fever with a stiff neck and light hurts my eyes",
    "Patient is confused, feverish and breathing fast after a kidney infection",
    "I am pregnant and bleeding heavily",
    "I'm 30 weeks pregnant with severe abdominal pain",
    "back pain and I can't feel my groin and can't pass urine",
    "numbness between my legs and loss of bladder control with back pain",
    "I suddenly lost vision in my left eye",
    "I have diabetes, keep vomiting and my breath smells fruity",
    "My 2 month old baby has a fever",
    "my newborn has a temperature of 38.5",
    "sudden severe testicle pain",
    "He hit his head and has been vomiting since",
    "I take warfarin and hit my head",
    "No chest pain yesterday but crushing chest pain now",
    "no fever, but my face is drooping on one side",
    "I don't have a fever but I can't breathe",
    "my baby is floppy and won't wake up",
    "The rigid abdomen hurts terribly, worst pain ever",
    "My father is having a stroke",
    "I think I'm having a heart attack",
    "What should I do? My mother is choking",
    "my father's face was drooping yesterday but it went away",
    "My dad's mouth is hanging on the left and his arm is weak",
    "I feel like an elephant is sitting on my chest",
    "pain in my chest and I feel faint",
    "she is having an allergic reaction, her lips are swelling and she is wheezing badly",
    "my kid drank drain cleaner",
    "i wanna die",
    "there's no point living, I have a plan to end my life",
    "Grandma fell, hit her head and is on apixaban",
    "my baby is 3 weeks old and feels hot with fever",
    "sudden loss of vision in right eye",
    "I've been seizing on and off, second fit today",
    "worst headache ever",
    "I'm 12 weeks pregnant and bleeding",
    "my husband passed out and won't wake up",
    "chest tightness and can't catch my breath",
    "throwing up blood since last night",
    "67M presents with sudden onset left-sided weakness and facial droop",
    "Pt reports crushing substernal chest pressure radiating to L arm, diaphoretic",
    "History of hypertension. Now has sudden slurred speech.",
    "patient with history of stroke with sudden onset right arm weakness",
    "my testicle hurts suddenly and badly",
    "no rash but fever and stiff neck",
    "Is my face drooping a sign of a stroke?",
    "What should I do if I have chest pain spreading to my arm right now?",
    "I feel like killing myself",
    "blood sugar very high, vomiting, breath smells like nail polish remover, type 1 diabetic",
    "I overdosed on my pills",
    "he's turning blue",
    "my mom cannot speak suddenly and her arm is limp",
    "I swallowed a handful of pills",
    "My wife's smile is lopsided and she's mumbling",
    "Dad is grey and sweaty with a heavy chest",
    "I have taken 40 aspirin",
    "The baby stopped breathing for a moment",
    "I plan to hang myself tonight",
    "My daughter's EpiPen is empty and her face is swelling, she feels dizzy",
    "bright red blood pouring from the cut on my leg",
    "He had a fit lasting about 8 minutes",
    "I'm coughing up lots of blood",
    "fever of 40, stiff neck",
    "numb in the saddle area, lower back pain, can't control bladder",
    "I woke up and could not see out of one eye suddenly",
    "my 6-week-old has a fever",
    "My head hurts like never before, started in a second",
    "I'm having trouble breathing and can't finish a sentence",
    "My left arm aches and my chest feels squeezed",
    "grandpa suddenly can't move his left leg",
    "I can feel my throat closing up",
    "My toddler ate some of my sleeping pills",
    "I've lost a lot of blood",
    "there is blood everywhere and it keeps coming",
    "I'm going to end it tonight",
    "life is pointless and I want it to be over",
    "He has had three seizures in the last hour",
    "She fainted and isn't responding",
    "my lips and fingertips are blue",
    "I vomited something that looks like coffee grounds",
    "My poop is black and sticky",
    "pain behind my breastbone, sweaty, nauseous",
    "My wife is 8 months pregnant and bleeding",
    "I am diabetic and my ketones are high and I'm throwing up",
    "One of my balls hurts really badly all of a sudden",
    "my baby (5 weeks) has a fever of 38.2",
    "my vision in the right eye just went black",
    "fell off a ladder, hit my head, now I keep vomiting",
    "Can't swallow, drooling, and struggling to breathe",
    "my heart is racing and I passed out",
    "Ich habe starke chest pain with shortness of breath",
    "I'm having chest pains right now",
    "He's confused and burning up with fever",
    "words are coming out jumbled all of a sudden",
    "shot himself in the leg",
    "electric shock, he is unconscious",
    "My mum's mouth is drooping on the right since breakfast",
    "I feel a tight band around my chest and I'm short of breath",
    "The left side of my body suddenly went weak",
    "I keep thinking about suicide",
    "I am going to take all my pills tonight so that I don't wake up.",
    "I plan to overdose on my tablets tonight.",
    "I am thinking of jumping off a bridge.",
    "I slit my wrists",
    "My kid ate rat poison",
    "she is shaking all over and not responding",
    "I'm throwing up blood clots",
    "My husband has chest pain and his arm hurts",
    "I took too many sleeping pills",
    "My tongue is getting swollen after a new antibiotic",
    "Newborn with fever 38.6",
    "Got hit by a car and my head is bleeding, I feel confused",
    "he drank a bottle of vodka and I can't wake him",
    "worst stomach pain of my life and I'm 9 weeks pregnant",
    "sudden severe headache and vomiting",
    "He can't breathe properly and is wheezing a lot",
    "neck stiffness with fever and confusion",
    "blood in vomit",
    "I don't see a reason to keep living",
)
URGENT = (
    "I have had chest pain on and off for a week",
    "There is blood in my urine",
    "My calf is swollen, red and painful",
    "I have a fever and I am on chemotherapy",
    "high fever for four days",
    "My eye is very painful and red",
    "blood pressure 185/125 this morning",
    "I'm pregnant and have had some spotting",
    "I feel hopeless and see no point in anything",
    "I found a lump in my breast",
    "I coughed up some blood",
    "I've been vomiting and can't keep any fluids down",
)
ROUTINE = (
    "",
    "hello",
    "What are the symptoms of a stroke?",
    "Explain Parkinson's disease in simple terms",
    "What are the early symptoms of Parkinson's?",
    "Why does a heart attack cause pain in the left arm?",
    "What causes chest pain?",
    "How is meningitis diagnosed?",
    "What is an overdose?",
    "Can depression lead to suicidal thoughts?",
    "My mum is going to take all of her medicines in the morning, is that ok?",
    "I drink less so that I don't wake up at night.",
    "Can you overdose on vitamin C?",
    "How many people die by suicide each year?",
    "no chest pain",
    "Denies chest pain, shortness of breath and syncope.",
    "The patient denies suicidal thoughts.",
    "No history of seizures.",
    "Had a stroke in 2010, doing well since",
    "history of heart attack 5 years ago",
    "My grandmother died of a stroke",
    "Family history of stroke and heart attack",
    "I don't want to kill myself",
    "Patient without fever, neck stiffness or rash",
    "Negative for hematemesis and melena; no vomiting of blood",
    "I have a mild headache after reading",
    "I cut myself shaving, just a scratch",
    "Tremor on both sides, balance intact. Stage?",
    "What diseases are mentioned in this report?",
    "Chat with a patient",
    "I'm afraid of getting a stroke one day",
    "If I ever get chest pain, what should I do?",
    "Call 112 if your lips turn blue",
    "My asthma is well controlled, I only wheeze in spring",
    "Is epilepsy dangerous?",
    "My mother has had epilepsy since childhood",
    "I could kill for a coffee",
    "That joke killed me",
    "I'm dying to know what HbA1c means",
    "I have no trouble breathing and no chest pain",
    "Chest pain: none. Dyspnoea: none.",
    "chest pain resolved, now pain free",
    "The face mask left red marks",
    "I can't feel my best on Mondays",
    "I take warfarin. Can I eat spinach?",
    "What does unconscious mean?",
    "Does levodopa cause blackouts?",
    "My iron tablets made my stools dark",
    "Describe the FAST test for stroke",
    "What is the treatment of anaphylaxis?",
    "Denies fever, chills, chest pain, hematemesis, or melena.",
    "PMH: MI 2015, CVA 2018. No acute distress.",
    "He has never had a seizure",
    "62-year-old man with Parkinson's disease, resting tremor in right hand",
    "She is worried about getting a stroke",
    "Patient has no suicidal ideation",
    "Rule out meningitis?",
    "Is chest pain always serious?",
    "My sister is pregnant and feels well",
    "A stroke can cause sudden weakness of the face or arm.",
    "I had a heart attack three years ago and feel fine",
    "Without shortness of breath at rest",
    "Explain why patients can't breathe in severe asthma",
    "Patient was not confused and had no fever",
    "He takes warfarin for AF",
    "I feel weak and tired after the flu",
    "My son had a fever last year",
    "the pain in my back is better",
    "How do doctors treat a heart attack?",
    "No h/o stroke, seizure, or syncope",
    "What is the prognosis after a stroke?",
    "She denies any thoughts of self-harm",
    "My uncle died of a heart attack",
    "chest X-ray normal, no chest pain or dyspnea",
    "Stroke in 2012 with residual weakness",
    "I have had Parkinson's for ten years and my tremor is worse",
    "Is vomiting blood a symptom of ulcers?",
    "The child has no fever, no rash and no neck stiffness",
    "My headache is mild today",
    "Tell me about meningitis symptoms",
    "What helps with constipation?",
    "I had my first seizure when I was 12",
    "Does smoking cause strokes?",
    "Patient denies headache, visual loss, weakness or numbness",
    "What is FAST?",
    "no seizures since 2019",
    "My anxiety gives me butterflies",
    "Summarise: 55F with migraine, no red flags, no sudden onset",
    "What are red flags for back pain?",
    "Is depression linked to suicide?",
    "He was unconscious for a minute in 1998",
    "I read about overdoses in the paper",
    "I bruised my shin",
    "Tremor for two years; no falls; no loss of consciousness",
    "her bowel habits changed",
    "I have a cold with a runny nose",
    "My blood pressure is 125/80",
    "What is angina?",
    "My blood test shows low iron",
    "No chest pain, no palpitations",
    "I have a sore throat and cough",
    "How is asthma treated in children?",
    "She was treated for depression in 2015",
    "Does anxiety cause chest tightness?",
    "My knee hurts when I climb stairs",
    "Explain TIA",
    "Parkinson's stage 3, falls twice a year",
    "Denies SI/HI",
    "Patient had an appendectomy 10 years ago",
    "I sleep badly",
    "My hands shake when I'm nervous",
    "What should a diabetic eat?",
    "No evidence of stroke on CT",
    "Is migraine with aura a stroke risk?",
    "My period is late",
    "He coughs at night",
    "I want to live healthier",
)
DOSING = (
    "How much levodopa should I take?",
    "What dose of metformin do I need?",
    "Can I double my dose of sertraline?",
    "Should I stop taking my warfarin?",
    "Can I stop my antidepressants?",
    "Should I start aspirin?",
    "How many paracetamol can I take at once?",
    "Write me a prescription for amoxicillin",
    "Prescribe me some diazepam",
    "Is it okay to take 800 mg ibuprofen twice a day?",
    "how many pills would it take to die",
    "What is the lethal dose of amitriptyline?",
    "Can I switch from ramipril to losartan?",
    "Can I take ibuprofen with my warfarin?",
    "Which antibiotic should I take for my cough?",
    "How many mg of ibuprofen for my 4 year old?",
    "Should my mother reduce her levodopa?",
    "Tell me my insulin dose for a glucose of 15",
    "can you tell me how much insulin to inject",
    "Is 50mg sertraline enough for me?",
    "I forgot my pill, should I take two tomorrow?",
    "Should I up my levodopa?",
    "my doctor gave me ramipril, can i stop it?",
    "give my child paracetamol how often?",
    "I want to come off my antidepressants",
    "what should I take for my headache?",
    "How many units of insulin should I inject?",
    "May I take two omeprazole at the same time?",
    "Should my dad stop his apixaban before the dentist?",
    "I'd like a prescription for tramadol",
    "What's the maximum paracetamol I can take in a day?",
    "whats a safe amount of tylenol for me",
    "Am I allowed to take two pills instead of one",
    "I need more oxycodone, can you get me some?",
    "When should I take my levodopa, before or after meals?",
    "Increase my metformin?",
    "How much ibuprofen is safe for my 6 year old?",
    "Should I take aspirin every day?",
    "Can I take two metformin instead of one?",
    "my doctor is away, which dose of sertraline should I take",
    "is it ok to stop prednisone suddenly",
)
NOT_DOSING = (
    "What is levodopa for?",
    "What are the side effects of metformin?",
    "How does warfarin work?",
    "Why must Parkinson's medicines not be stopped suddenly?",
    "What are the early symptoms of Parkinson's?",
    "Summarise this note: takes levodopa 100 mg three times a day",
    "How much exercise should I do?",
    "Should I stop smoking?",
    "How is hypertension treated?",
    "Should I see a doctor?",
    "How many people have Parkinson's disease?",
    "Can I drive with epilepsy?",
    "Should I start exercising?",
    "How much salt should I eat?",
    "I have been taking metformin for two years. What is HbA1c?",
    "How long does it take to recover from pneumonia?",
    "Can I take a bath?",
    "What medicines are used for migraine?",
    "Is levodopa addictive?",
    "Does metformin cause diarrhoea?",
    "What happens if levodopa is stopped suddenly?",
    "How many people take statins?",
    "Which medicines treat hypertension?",
    "Can statins cause muscle pain?",
    "Do I have to tell the licensing authority?",
    "How often should I check my blood pressure?",
    "How does insulin work?",
    "What is the difference between levodopa and a dopamine agonist?",
    "Who should get a flu vaccination?",
    "Why do people with AF need blood thinners?",
    "Can you explain what statins do?",
    "What is a DMARD?",
    "Is metformin the first medicine for diabetes?",
    "Why is aspirin given after a heart attack?",
    "Are inhalers safe?",
    "What are ACE inhibitors?",
    "How do inhalers work?",
    "Why are antibiotics not used for flu?",
    "What is the treatment for gout?",
    "Do statins have side effects?",
)


@pytest.mark.parametrize("text", EMERGENCY)
def test_an_emergency_is_named_with_the_persons_words(text: str) -> None:
    triage = safety.triage(text)
    assert triage.level == "emergency", triage
    assert triage.reasons
    assert triage.advice


@pytest.mark.parametrize("text", URGENT)
def test_an_urgent_matter_is_not_called_an_emergency(text: str) -> None:
    triage = safety.triage(text)
    assert triage.level == "urgent", triage
    assert triage.advice


@pytest.mark.parametrize("text", ROUTINE)
def test_textbook_negated_historical_and_harmless_words_raise_no_alarm(text: str) -> None:
    triage = safety.triage(text)
    assert triage.level == "routine", triage
    assert not triage.reasons
    assert not triage.advice


@pytest.mark.parametrize("text", DOSING)
def test_an_individual_dose_or_change_is_refused(text: str) -> None:
    assert safety.dosing_request(text) is not None


@pytest.mark.parametrize("text", NOT_DOSING)
def test_a_general_question_about_medicines_passes(text: str) -> None:
    assert safety.dosing_request(text) is None


def test_the_reason_quotes_the_words_that_raised_it() -> None:
    reasons = safety.triage("Since noon I have crushing chest pain and I am sweating").reasons
    assert any("crushing chest pain" in reason for reason in reasons)


def test_emergency_advice_names_the_numbers_and_never_says_wait() -> None:
    advice = safety.triage("I can't breathe").advice
    assert all(number in advice for number in ("112", "999", "911"))
    assert "wait" not in advice.lower()


def test_suicidal_thoughts_get_a_crisis_line_and_the_emergency_number() -> None:
    advice = safety.triage("I want to kill myself").advice
    assert "112" in advice
    assert "crisis line" in advice


def test_asking_how_much_to_take_to_die_is_an_emergency_as_well() -> None:
    assert safety.triage("how many pills would it take to die").level == "emergency"


def test_an_emergency_outranks_an_urgent_matter_in_the_same_text() -> None:
    triage = safety.triage("There is blood in my urine. My face is drooping.")
    assert triage.level == "emergency"
    assert "drooping" in triage.reasons[0]


def test_a_finding_that_the_model_calls_absent_does_not_silence_the_rules() -> None:
    text = "I have crushing chest pain and I am sweating"
    start = text.index("chest pain")
    wrong = Finding(start, start + 10, "chest pain", "Sign_symptom", "absent")
    assert safety.triage(text, (wrong,)).level == "emergency"


def test_a_present_finding_alone_raises_the_level() -> None:
    finding = Finding(0, 11, "haematemesis", "Sign_symptom", "present")
    assert safety.triage("", (finding,)).level == "emergency"


def test_an_absent_finding_alone_raises_nothing() -> None:
    finding = Finding(0, 11, "haematemesis", "Sign_symptom", "absent")
    assert safety.triage("", (finding,)).level == "routine"


@given(st.text(max_size=300))
def test_any_text_gets_a_level_and_advice_only_with_reasons(text: str) -> None:
    triage = safety.triage(text)
    assert (triage.level == "routine") == (not triage.reasons) == (not triage.advice)


@given(st.sampled_from(EMERGENCY), st.sampled_from(("\n", ". ", " ; ")))
def test_a_denied_symptom_beside_it_hides_no_emergency(text: str, joint: str) -> None:
    assert safety.triage(f"No fever{joint}{text}").level == "emergency"


@given(st.sampled_from(EMERGENCY))
def test_letter_case_and_curly_apostrophes_do_not_matter(text: str) -> None:
    assert safety.triage(text.upper()).level == "emergency"
    assert safety.triage(text.replace("'", "’")).level == "emergency"


def test_a_very_long_text_is_read_in_reasonable_time() -> None:
    text = "The patient slept well and ate well. " * 8000 + "I can't breathe."
    assert safety.triage(text).level == "emergency"


def test_a_hostile_paste_does_not_hold_up_the_dosing_rules() -> None:
    assert safety.dosing_request("how much how many should I " * 11000) is None
    assert safety.dosing_request("how much " * 5000 + "levodopa should I take?") is not None


def test_the_disclaimer_is_one_sentence() -> None:
    assert safety.DISCLAIMER.count(".") == 1
    assert safety.DISCLAIMER.endswith(".")
