"""For every test: no deadlines (the machine is shared) and the environment of a machine without a network."""

import os

from hypothesis import settings

os.environ.update(
    {"HF_HUB_OFFLINE": "1", "GRADIO_ANALYTICS_ENABLED": "False", "TOKENIZERS_PARALLELISM": "false"}
)
settings.register_profile("asklepion", deadline=None, max_examples=60)
settings.load_profile("asklepion")
