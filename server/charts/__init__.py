"""Charts of a person: what sources told, thinned without losing an extreme, as Bokeh figures, pictures and files.

    queries ─► Told (all stored points) ─► series.thinned ─► figures (Bokeh) | pictures (Pillow)
                                      └──► files (CSV, everything)
    queries ─► spans on air and watched ─► spans.by_weekday_and_hour | spans.by_day ─► the same
"""
