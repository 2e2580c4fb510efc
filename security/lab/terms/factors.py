"""Words of the lesson on factors."""

TERMS = {
    "equal error rate": "The error of a face check where it errs equally often in both directions.",
    "factor": "A kind of evidence at sign-in: something you know, something you have, something you are.",
    "false accept": "A stranger is taken for the rightful person.",
    "false reject": "The rightful person is taken for a stranger.",
    "one-time code": "A few digits made from a shared secret and the time, good for one sign-in.",
    "origin": "Scheme, host and port of a page, as the browser knows them: who really is talking.",
    "passkey": "A private key on a device, one for each site, that signs a challenge with the page's origin.",
    "phishing": "Getting secrets by a page or a message that looks like somebody else's.",
    "sim swap": "Talking a phone company into moving somebody's number to one's own card.",
}
