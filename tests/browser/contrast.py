"""Measures the contrast of a page's texts with their background, as WCAG 2 defines it.

It covers the texts that are visible at the moment, values and placeholders of fields included, with every opacity and
background of their ancestors. Images, gradients and shadows are not supported.
"""

import json

from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import evaluate

_MEANS = """
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
  const colour = (text) => {
    canvas.clearRect(0, 0, 1, 1)
    canvas.fillStyle = text
    canvas.fillRect(0, 0, 1, 1)
    const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data
    return [red, green, blue, alpha / 255]
  }
  const over = (top, under) => [0, 1, 2].map((at) => top[at] * top[3] + under[at] * (1 - top[3])).concat(1)
  const light = (parts) => {
    const [red, green, blue] = parts.slice(0, 3).map((part) => part / 255)
      .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }
  const ratio = (top, opacity, under) => {
    const shown = over([...top.slice(0, 3), top[3] * opacity], under)
    const [dark, bright] = [light(shown), light(under)].sort((a, b) => a - b)
    return (bright + 0.05) / (dark + 0.05)
  }
  const upwards = (it) => it ? [it, ...upwards(it.parentElement)] : []
  const opacity = (it) => upwards(it).reduce((product, each) => product * getComputedStyle(each).opacity, 1)
  // Read from an element: a canvas outside the document does not know the dark colour scheme.
  const probe = document.createElement('i')
  probe.style.color = 'Canvas'
  document.body.append(probe)
  const paper = colour(getComputedStyle(probe).color)
  probe.remove()
  const ground = (it) => upwards(it).reverse()
    .reduce((under, each) => over(colour(getComputedStyle(each).backgroundColor), under), paper)
"""

_WORDS = """
  const all = [...document.querySelectorAll('body *')].filter((it) => it.checkVisibility({ visibilityProperty: true }))
  return all.flatMap((it) => {
    const isField = it.matches('input:not([type=radio], [type=checkbox]), textarea')
    const example = isField && it.value === '' ? it.placeholder : ''
    const own = [...it.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()).join(' ')
    const words = example || (isField ? it.value : own.trim())
    if (!words || it.disabled) return []
    const style = getComputedStyle(it, example ? '::placeholder' : null)
    const ink = colour(it.closest('svg') ? style.fill : style.color)
    return [[words, ratio(ink, opacity(it) * (example ? style.opacity : 1), ground(it))]]
  })
"""


def unreadable(tab: WebDriver) -> list[tuple[str, float]]:
    """Return the texts whose contrast is below 4.5 : 1, with their contrast. Fails on a page without texts."""
    words = evaluate(tab, f"(() => {{ {_MEANS} {_WORDS} }})()")
    assert words, "the page shows no words"
    return [(text, ratio) for text, ratio in words if ratio < 4.5]


def edge(tab: WebDriver, selector: str) -> float:
    """Return the contrast of a field's border with its surroundings. WCAG requires 3 : 1 for graphical objects."""
    found = f"const field = document.querySelector({json.dumps(selector)})"
    line = "colour(getComputedStyle(field).borderTopColor)"
    ratio: float = evaluate(
        tab, f"(() => {{ {_MEANS} {found}; return ratio({line}, 1, ground(field.parentElement)) }})()"
    )
    return ratio
