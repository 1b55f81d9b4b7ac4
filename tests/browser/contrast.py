"""Which words of a page are hard to read: their contrast with what is behind them, as WCAG 2 computes it.

Looks at what is seen at this moment: texts, what is written in fields and their placeholders, through every opacity and
background above them. Pictures, gradients and shadows are beyond it.
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
  // Asked of an element: a canvas that is in no document knows no dark.
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
    """Return the words whose contrast is less than 4.5 : 1, with it. Fails on a page without any words."""
    words = evaluate(tab, f"(() => {{ {_MEANS} {_WORDS} }})()")
    assert words, "the page shows no words"
    return [(text, ratio) for text, ratio in words if ratio < 4.5]


def edge(tab: WebDriver, selector: str) -> float:
    """Return the contrast of a field's edge with what is around it; 3 : 1 is what a sign needs."""
    found = f"const field = document.querySelector({json.dumps(selector)})"
    line = "colour(getComputedStyle(field).borderTopColor)"
    ratio: float = evaluate(
        tab, f"(() => {{ {_MEANS} {found}; return ratio({line}, 1, ground(field.parentElement)) }})()"
    )
    return ratio
