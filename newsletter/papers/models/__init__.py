"""The tables of papers: sources, papers, sightings, topics, votes, objections and proposals."""

from newsletter.papers.models.community import LONGEST_WHY, Objection, Proposal, ProposalQuerySet, Vote
from newsletter.papers.models.paper import Alias, Paper, PaperQuerySet, PaperWords
from newsletter.papers.models.sighting import DayRank, RankedDay, Sighting
from newsletter.papers.models.source import Source, SourceQuerySet
from newsletter.papers.models.topic import PaperTopic, RefusedTopic, Topic, TopicQuerySet
from newsletter.papers.models.trained_forecast import TrainedForecast

__all__ = [
    "LONGEST_WHY", "Alias", "DayRank", "Objection", "Paper", "PaperQuerySet", "PaperTopic", "PaperWords", "Proposal",
    "ProposalQuerySet", "RankedDay", "RefusedTopic", "Sighting", "Source", "SourceQuerySet", "Topic",
    "TopicQuerySet", "TrainedForecast", "Vote",
]  # fmt: skip
