// Draws the tiles it is given; a click tells Python the tile's number.
export default function ({ data, parentElement, setTriggerValue }) {
  const grid = parentElement.querySelector(".gallery")
  grid.style.setProperty("--side", `${data.side}px`)
  grid.replaceChildren(...data.tiles.map((tile, number) => drawTile(tile, number)))
  if (data.reveal) {
    requestAnimationFrame(() => grid.scrollIntoView({ behavior: "smooth", block: "start" }))
  }

  function drawTile(tile, number) {
    const figure = document.createElement(data.clickable ? "button" : "figure")
    figure.className = tile.picked ? "tile picked" : "tile"
    if (data.clickable) {
      figure.type = "button"
      figure.setAttribute("aria-label", [tile.caption, tile.mark].filter(Boolean).join(", "))
      figure.setAttribute("aria-pressed", tile.picked)
      figure.onclick = () => setTriggerValue("clicked", number)
    }
    const image = document.createElement("img")
    image.src = tile.source
    image.alt = tile.caption
    figure.append(image, line("caption", tile.caption, tile.colour))
    if (tile.mark) figure.append(line("mark", tile.mark))
    return figure
  }

  function line(className, text, colour) {
    const element = document.createElement("span")
    element.className = className
    if (colour) {
      const dot = document.createElement("i")
      dot.style.background = colour
      element.append(dot)
    }
    element.append(text)
    return element
  }
}
