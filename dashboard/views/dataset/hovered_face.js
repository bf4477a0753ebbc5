// Shows the face of the point under the pointer, beside it. Python is asked for one face at a time.
const charts = new WeakMap() // component → how to unbind it from its chart
const DELAY_MS = 60

export default function ({ data, parentElement, setStateValue }) {
  const preview = parentElement.querySelector(".preview")
  const image = preview.querySelector("img")
  image.src = data.source
  image.alt = data.caption
  preview.dataset.face = data.face
  show(preview)

  charts.get(parentElement)?.()
  let chart = null
  let timer = 0
  const search = setInterval(bind, 200) // the chart is drawn later, and again in other colors
  bind()

  function bind() {
    const found = document.querySelector(`.st-key-${data.chart} .js-plotly-plot`)
    if (!found?.on || found === chart) return
    chart = found
    chart.on("plotly_hover", over)
    chart.on("plotly_unhover", out)
  }

  function over({ event, points }) {
    const face = String(points[0].customdata)
    preview.dataset.hovered = face
    preview.style.left = `${Math.min(event.clientX + 14, innerWidth - 124)}px`
    preview.style.top = `${Math.max(event.clientY - 130, 8)}px`
    show(preview)
    clearTimeout(timer)
    if (face !== preview.dataset.face) {
      timer = setTimeout(() => setStateValue("hovered", Number(face)), DELAY_MS)
    }
  }

  function out() {
    clearTimeout(timer)
    preview.dataset.hovered = ""
    show(preview)
  }

  function unbind() {
    clearInterval(search)
    clearTimeout(timer)
    chart?.removeListener?.("plotly_hover", over)
    chart?.removeListener?.("plotly_unhover", out)
  }
  charts.set(parentElement, unbind)
  return unbind
}

function show(preview) {
  const { face, hovered } = preview.dataset
  preview.hidden = !hovered || face !== hovered
}
