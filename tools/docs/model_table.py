"""The table of `docs/responsible-ai.md`: every model of the catalog with its provider, terms, price and end of life."""

from events.model_cards import model_card
from events.model_catalog import ModelCatalog


def model_table(catalog: ModelCatalog) -> str:
    """Return a table of the models."""
    rows = [
        "| model | provider and terms | US dollars per image | Regions | end of life | successor |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for model in catalog:
        card = model_card(model)
        prices = ", ".join(f"{price} ({quality})" for quality, price in model.price_usd.items())
        end = str(model.end_of_life or "")
        successor = f"`{model.successor}`" if model.successor else ""
        provider = f"[{card.provider}]({card.terms_url})"
        rows.append(f"| `{model.key}` | {provider} | {prices} | {', '.join(model.regions)} | {end} | {successor} |")
    return "\n".join(rows) + "\n"
