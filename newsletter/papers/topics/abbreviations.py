"""Well-known abbreviations, so that a phrase that a reader names is found however a paper writes it. Pure."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

from newsletter.papers.topics.phrase_matching import normalise, split_words

# The spellings of one thing. An abbreviation in capitals is matched in capitals alone; all are matched in the plural.
# Only what means nothing else in a paper's text belongs here.
SPELLINGS = (
    ("artificial intelligence", "AI"),
    ("automatic speech recognition", "ASR"),
    ("brain computer interface", "BCI"),
    ("chain of thought", "CoT"),
    ("convolutional neural network", "CNN"),
    ("direct preference optimization", "DPO"),
    ("explainable artificial intelligence", "XAI"),
    ("generative adversarial network", "GAN"),
    ("graph neural network", "GNN"),
    ("human computer interaction", "HCI"),
    ("in context learning", "ICL"),
    ("large language model", "LLM"),
    ("long short term memory", "LSTM"),
    ("low rank adaptation", "LoRA"),
    ("machine learning", "ML"),
    ("mixture of experts", "MoE"),
    ("multi agent reinforcement learning", "MARL"),
    ("multimodal large language model", "MLLM"),
    ("natural language processing", "NLP"),
    ("neural architecture search", "NAS"),
    ("neural radiance field", "NeRF"),
    ("optical character recognition", "OCR"),
    ("parameter efficient fine tuning", "PEFT"),
    ("physics informed neural network", "PINN"),
    ("recurrent neural network", "RNN"),
    ("reinforcement learning", "RL"),
    ("reinforcement learning from human feedback", "RLHF"),
    ("reinforcement learning with verifiable rewards", "RLVR"),
    ("retrieval augmented generation", "RAG"),
    ("simultaneous localization and mapping", "SLAM"),
    ("small language model", "SLM"),
    ("state space model", "SSM"),
    ("supervised fine tuning", "SFT"),
    ("text to speech", "TTS"),
    ("variational autoencoder", "VAE"),
    ("vision language action", "VLA"),
    ("vision language model", "VLM"),
    ("vision transformer", "ViT"),
    ("visual question answering", "VQA"),
)


@lru_cache(maxsize=10_000)
def spellings_of(phrase: str) -> tuple[str, ...]:
    """Return `phrase` and the other spellings of it: one of its parts is abbreviated, or written out.

    >>> spellings_of("LLM agents")
    ('LLM agents', 'large language model agents')
    """
    words = split_words(phrase)
    normal = [normalise(word) for word in words]
    found = {phrase: None}
    for spellings in SPELLINGS:
        for spelling in spellings:
            part = [normalise(word) for word in split_words(spelling)]
            for start in places_of(part, normal):
                rest = words[:start], words[start + len(part) :]
                found |= {" ".join([*rest[0], other, *rest[1]]): None for other in spellings if other != spelling}
    return tuple(found)


def places_of(part: Sequence[str], words: Sequence[str]) -> Iterator[int]:
    """Yield where `part` begins in `words`."""
    for start in range(len(words) - len(part) + 1):
        if words[start : start + len(part)] == part:
            yield start
