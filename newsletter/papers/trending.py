"""What makes a paper trend, in numbers: docs/decisions.md, “What trends”. Pure.

score = Σ over sources of weight × (MENTION + votes + COMMENT × comments), halved every HALF_LIFE_DAYS after the
listing day, so that yesterday's paper, whose votes had a day to grow, can lead today.
"""

MENTION = 1.0
COMMENT = 0.5
HALF_LIFE_DAYS = 2.0
