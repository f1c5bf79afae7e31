"""The page of the API in a browser: read, and tried with a token, under the site's policy and without the network."""

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.one_database]


@pytest.mark.long  # tests/api/test_schema.py reads the page and its policy
def test_the_api_is_read_and_tried_on_its_page(stack, alice, open_window):
    page = open_window(stack).page  # a stranger's: the page is for everybody
    page.goto(f"{stack.url}/api/v1/docs")
    operation = page.locator("#operations-me-read_me")
    expect(operation).to_be_visible(timeout=30_000)  # it draws all of them first
    assert page.locator(".opblock").count() > 40
    page.get_by_role("button", name="Authorize").first.click()
    page.locator(".modal-ux input").fill(alice.token)
    page.locator(".modal-ux").get_by_role("button", name="Apply credentials").click()
    page.locator(".modal-ux").get_by_role("button", name="Close").first.click()
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table")).to_contain_text(f'"username": "{alice}"')
