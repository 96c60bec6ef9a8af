"""Chromium for the tests of the pages: one browser for all of them, a profile of its own for each page."""

from contextlib import contextmanager

from playwright.sync_api import expect, sync_playwright

# The least that a test waits for what a page is to show; it ends the moment the thing is there.
expect.set_options(timeout=20_000)


@contextmanager
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"])
        yield browser
        browser.close()


class Pages:
    """Opens pages; notes each script error and each breach of a page's policy."""

    def __init__(self, browser):
        self._browser = browser
        self._contexts = []
        self.errors = []

    def open(self, width=1280, height=800, color_scheme="dark", **settings):
        self._contexts.append(self._browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=color_scheme, **settings))
        page = self._contexts[-1].new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text)
                if message.type == "error" and "Content Security Policy" in message.text else None)
        return page

    def close(self):
        for context in self._contexts:
            context.close()
