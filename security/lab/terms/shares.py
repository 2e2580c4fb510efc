"""Words of the lesson on computing with secrets in parts."""

TERMS = {
    "additive sharing": "Cutting a number into random parts that add up to it; one missing hides it.",
    "beaver triple": "Shares of two random numbers and their product; with it shared numbers are multiplied.",
    "garbled circuit": "A computation on random labels; who runs it sees only the answer.",
    "honest but curious": "Following the protocol, and looking at everything that comes by.",
    "multi-party computation": "Computing a result of many people's secrets; each learns the result alone.",
    "oblivious transfer": "Taking one of two messages: the sender can't see which, nor the taker the other.",
    "share": "One part of a secret; alone, or with too few others, it says nothing about it.",
    "shamir sharing": "Each party has one point of a curve; enough points fix the curve and the secret.",
}
