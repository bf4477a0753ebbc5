// Draws the tiles; a click sends the index of its tile to Python.
export default function ({ data, parentElement, setTriggerValue }) {
  const grid = parentElement.querySelector(".gallery")
  grid.style.setProperty("--side", `${data.side}px`)
  const drawn = JSON.stringify(data.tiles)
  if (grid.drawn !== drawn) {
    grid.drawn = drawn // tiles that have not changed stay, and with them the focus
    const focused = [...grid.children].indexOf(document.activeElement)
    grid.replaceChildren(...data.tiles.map(drawTile))
    grid.children[focused]?.focus({ preventScroll: true })
  }
  if (data.reveal) {
    requestAnimationFrame(() => grid.scrollIntoView({ behavior: "smooth", block: "start" }))
  }

  function drawTile(tile, index) {
    const button = document.createElement("button")
    button.className = tile.picked ? "tile picked" : "tile"
    button.type = "button"
    button.setAttribute("aria-pressed", tile.picked)
    button.onclick = () => setTriggerValue("clicked", index)
    const image = document.createElement("img")
    image.src = tile.source
    image.alt = "" // the lines below name it
    button.append(image, line("caption", tile.caption, tile.color))
    if (tile.mark) button.append(line("mark", tile.mark))
    return button
  }

  function line(className, text, color) {
    const element = document.createElement("span")
    element.className = className
    if (color) {
      const dot = document.createElement("i")
      dot.style.background = color
      element.append(dot)
    }
    element.append(text)
    return element
  }
}
