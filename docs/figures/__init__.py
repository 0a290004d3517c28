"""Numbers and pictures of the pages: `python -m docs.figures` makes both again (`make figures`).

`passages` finds and replaces numbers in a page, `results` reads the studies' tables, `readme`, `validation_page`,
`image_pages` and `walker_pages` say which number comes from where, `numbers` has all of them, `pictures` draws.
"""
