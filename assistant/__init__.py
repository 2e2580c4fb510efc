"""The assistant: BERT extracts, GPT explains, BERT checks. No page and no accounts in here but `tab.py`."""
