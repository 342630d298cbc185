from typing import Annotated

import queries
from fastapi import FastAPI, Query

app = FastAPI()


@app.get("/concepts")
def concepts(ids: Annotated[list[int], Query()]):
    return queries.get_concepts(ids)


@app.get("/concepts/names")
def names(ids: Annotated[list[int], Query()]):
    return [concept["name"] for concept in queries.get_concepts(ids)]
