// Where the element that the keyboard has focused vanishes, or is disabled, the focus goes to what
// stands in its place now. A browser would let the keyboard begin at the top of the page again.
const FOCUSABLE = "a[href], button, input, textarea, select, summary, iframe, [tabindex='0']"
const SETTLING_MS = 150 // in which the page may move the focus itself, as a closing dialog does

export default function ({ parentElement }) {
  parentElement.stop ??= keepFocus(() => delete parentElement.stop)
  return parentElement.stop
}

function keepFocus(ended) {
  const page = document.getElementById("root") // dialogs and menus lie beside it
  let last, lastOnPage, timer
  const remember = ({ target }) => {
    last = target.matches(":focus-visible") ? placeOf(target) : undefined
    if (last && page.contains(target)) lastOnPage = last
  }
  const forget = () => (last = undefined)
  const restore = () => {
    const isElsewhere = ![document.body, last?.element].includes(document.activeElement)
    if (!last || isUsable(last.element) || isElsewhere) return
    successor(last)?.focus()
    if (document.activeElement === document.body && lastOnPage) {
      const { element } = lastOnPage
      const next = isUsable(element) ? element : successor(lastOnPage)
      next?.focus()
    }
  }
  const observer = new MutationObserver(() => {
    if (!last || isUsable(last.element)) return
    clearTimeout(timer)
    timer = setTimeout(restore, SETTLING_MS)
  })
  const changes = { childList: true, subtree: true, attributes: true, attributeFilter: ["disabled"] }
  observer.observe(document.body, changes)
  document.addEventListener("focusin", remember)
  document.addEventListener("pointerdown", forget, true)
  return () => {
    clearTimeout(timer)
    observer.disconnect()
    document.removeEventListener("focusin", remember)
    document.removeEventListener("pointerdown", forget, true)
    ended()
  }
}

// The element, its name, and each parent below the body with the index of its child.
function placeOf(element) {
  const path = []
  for (let child = element; child.parentElement !== document.body; child = child.parentElement)
    path.push([child.parentElement, [...child.parentElement.children].indexOf(child)])
  return { element, name: nameOf(element), path }
}

function successor({ name, path }) {
  for (const [parent, index] of path) {
    if (!parent.isConnected) continue
    const all = [...parent.querySelectorAll(FOCUSABLE)].filter(isUsable)
    const child = parent.children[index]
    const inside = all.filter((each) => child?.contains(each))
    const isAfter = (each) =>
      child?.compareDocumentPosition(each) & Node.DOCUMENT_POSITION_FOLLOWING
    const next =
      inside.find((each) => nameOf(each) === name) ?? inside[0] ?? all.find(isAfter) ?? all.at(-1)
    if (next) return next
  }
}

function nameOf(element) {
  return element.getAttribute("aria-label") ?? element.textContent
}

function isUsable(element) {
  return element.isConnected && !element.disabled && element.checkVisibility() && !element.closest("[inert]")
}
