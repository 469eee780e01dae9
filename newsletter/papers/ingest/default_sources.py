"""The sources of a new deployment."""

from newsletter.papers.models import Source

ARXIV_API = "https://export.arxiv.org/api/query"
HF_DAILY = "https://huggingface.co/api/daily_papers"
# arXiv lists these every weekday. The first ones bring papers for most topics; the others bring papers that the first
# rarely hold. An archive (“q-bio”) covers all its categories. Fetching takes ARXIV_PAUSE_SECONDS for each line.
ARXIV_CATEGORIES = {
    "cs.AI": "artificial intelligence",
    "cs.CL": "language",
    "cs.CV": "vision",
    "cs.LG": "machine learning",
    "cs.RO": "robotics",
    "cs.SE": "software",
    "eess.AS": "audio and speech",
    "stat.ML": "statistics",
    "cs.AR": "hardware",
    "cs.CE": "computational engineering",
    "cs.CR": "security",
    "cs.CY": "computers and society",
    "cs.DB": "databases",
    "cs.DC": "distributed computing",
    "cs.DS": "algorithms",
    "cs.GR": "graphics",
    "cs.GT": "game theory",
    "cs.HC": "people and computers",
    "cs.IR": "retrieval",
    "cs.IT": "information theory",
    "cs.MA": "agents",
    "cs.SI": "networks",
    "eess.IV": "image and video processing",
    "eess.SP": "signals",
    "eess.SY": "control",
    "math.CO": "combinatorics",
    "math.OC": "optimization",
    "math.PR": "probability",
    "physics.comp-ph": "computational physics",
    "quant-ph": "quantum physics",
    "stat.AP": "applied statistics",
    "q-bio": "biology",
    "econ": "economics",
    "q-fin": "finance",
}


def add_sources() -> int:
    """Add the default sources unless there are fetched sources already; return how many were added."""
    if Source.objects.fetched().exists():
        return 0
    sources = [Source(name="Hugging Face daily papers", kind=Source.Kind.HF_DAILY, url=HF_DAILY)]
    sources += [
        Source(
            name=f"arXiv {category} ({subject})",
            kind=Source.Kind.ARXIV,
            url=f"https://rss.arxiv.org/rss/{category}",
        )
        for category, subject in ARXIV_CATEGORIES.items()
    ]
    sources.append(Source(name="arXiv’s own descriptions", kind=Source.Kind.ARXIV_API, url=ARXIV_API))
    return len(Source.objects.bulk_create(sources))
