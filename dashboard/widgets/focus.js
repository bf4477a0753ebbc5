// Where the element that the keyboard has focused vanishes, or is disabled, the focus goes to what
// stands in its place now. A browser would let the keyboard begin at the top of the page again.
// No frame, which would take the page's keys.
const FOCUSABLE = "a[href], button, input, textarea, select, summary, [tabindex='0']"
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
    if (isRunning()) return wait() // what will stand there is not all on the page yet
    const isElsewhere = ![document.body, last?.element].includes(document.activeElement)
    if (!last || isUsable(last.element) || isElsewhere) return
    successor(last)?.focus()
    if (document.activeElement === document.body && lastOnPage) {
      const { element } = lastOnPage
      const next = isUsable(element) ? element : successor(lastOnPage)
      next?.focus()
    }
  }
  const wait = () => {
    clearTimeout(timer)
    timer = setTimeout(restore, SETTLING_MS)
  }
  const observer = new MutationObserver(() => {
    if (last && !isUsable(last.element)) wait()
  })
  const changes = { childList: true, subtree: true, attributes: true, attributeFilter: ["disabled"] }
  observer.observe(document.body, changes)
  document.addEventListener("focusin", remember)
  document.addEventListener("pointerdown", forget, true)
  remember({ target: document.activeElement }) // the page may have been used before this runs
  return () => {
    clearTimeout(timer)
    observer.disconnect()
    document.removeEventListener("focusin", remember)
    document.removeEventListener("pointerdown", forget, true)
    ended()
  }
}

// The element, its name, and each parent below the body with the key and the index of its child.
function placeOf(element) {
  const path = []
  for (let child = element; child.parentElement !== document.body; child = child.parentElement) {
    const parent = child.parentElement
    path.push({ parent, within: keyOf(parent), key: keyOf(child), index: indexOf(child) })
  }
  return { element, name: nameOf(element), path }
}

// The key that the page gave to the nearest container or widget. What has a key may move, and what
// stands in its place then is another's.
function keyOf(element) {
  return element.closest("[class*='st-key-']")?.className.match(/\bst-key-\S+/)[0]
}

function indexOf(element) {
  return [...element.parentElement.children].indexOf(element)
}

// From the element outward: what has the same key, wherever it is now, else what stands in its place.
function successor({ name, path }) {
  for (const { parent, within, key, index } of path) {
    const [keyed] = key && key !== within ? document.getElementsByClassName(key) : []
    const moved = keyed && tabStops(keyed)
    if (moved?.length) return moved.find((each) => nameOf(each) === name) ?? moved[0]
    if (!parent.isConnected || keyOf(parent) !== within) continue
    const all = tabStops(parent)
    const child = parent.children[index]
    const inside = all.filter((each) => child?.contains(each))
    const same = key === within ? inside.find((each) => nameOf(each) === name) : undefined
    const isAfter = (each) =>
      child?.compareDocumentPosition(each) & Node.DOCUMENT_POSITION_FOLLOWING
    const next = same ?? inside[0] ?? all.find(isAfter) ?? all.at(-1)
    if (next) return next
  }
}

function tabStops(parent) {
  return [...parent.querySelectorAll(FOCUSABLE)].filter(isTabStop)
}

function nameOf(element) {
  return element.getAttribute("aria-label") ?? element.textContent
}

function isTabStop(element) {
  return element.tabIndex >= 0 && isUsable(element)
}

function isUsable(element) {
  const isVisible = element.isConnected && element.checkVisibility({ visibilityProperty: true })
  return isVisible && !element.disabled && !element.closest("[inert]")
}

function isRunning() {
  const { testScriptState } = document.querySelector("[data-test-script-state]")?.dataset ?? {}
  return ["running", "rerunRequested"].includes(testScriptState)
}
