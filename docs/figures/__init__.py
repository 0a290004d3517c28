"""Numbers and pictures of the pages: `python -m docs.figures` makes both again (`make figures`).

`passages` finds and replaces numbers in a page, and `results` reads the studies' tables. `counting_pages`,
`validation_page`, `image_pages`, `walker_pages` and `learned_pages` say which number comes from where. `numbers` has
all of them, `pictures` draws.
"""
