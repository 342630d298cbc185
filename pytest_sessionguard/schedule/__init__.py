"""In which order the workers take their steps.

``turns`` gives one worker the turn at a time and asks at each yield point who goes on. A strategy
(one small file each) answers, and says which schedule to try next. ``token`` turns a schedule into
text and back.
"""
