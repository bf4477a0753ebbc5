// While the video plays: keeps the screen awake, lets Q stop it from the settings, too, tells
// live.css the shape of the video, and shows it above the settings of a narrow screen.
export default function ({ parentElement }) {
  parentElement.ends ??= [keepAwake(), stopByKey(), followShape(), stayAboveSettings()]
  return () => {
    parentElement.ends?.forEach((end) => end())
    delete parentElement.ends
  }
}

// A browser ends the lock whenever the page is hidden.
function keepAwake() {
  let lock
  let on = true
  const request = async () => {
    if (document.visibilityState !== "visible") return
    try {
      lock = await navigator.wakeLock.request("screen")
      if (!on) lock.release()
    } catch {
      // Plain http has no such lock, and a phone that saves power refuses it.
    }
  }
  document.addEventListener("visibilitychange", request)
  request()
  return () => {
    on = false
    document.removeEventListener("visibilitychange", request)
    lock?.release()
  }
}

// Streamlit gives a shortcut no key that is pressed on an input, which a switch and a slider are.
function stopByKey() {
  const stop = ({ key, target, ctrlKey, metaKey, altKey }) => {
    if (key.toLowerCase() !== "q" || ctrlKey || metaKey || altKey) return
    if (target.matches("input[type='checkbox'], input[type='range']"))
      document.querySelector(".st-key-live_stop button")?.click()
  }
  document.addEventListener("keydown", stop)
  return () => document.removeEventListener("keydown", stop)
}

// The event of an unfolded element does not bubble.
function stayAboveSettings() {
  const show = ({ target }) => {
    if (target.open && target.closest(".st-key-live_settings") && matchMedia("(max-width: 640px)").matches)
      document.querySelector(".st-key-live_video")?.scrollIntoView({ block: "start" })
  }
  document.addEventListener("toggle", show, true)
  return () => document.removeEventListener("toggle", show, true)
}

// The shape changes when a phone is turned.
function followShape() {
  const { style } = document.documentElement
  const frame = document.querySelector(".st-key-live_video iframe")?.contentDocument
  const tell = ({ target }) =>
    target.videoHeight &&
    style.setProperty("--video-shape", target.videoWidth / target.videoHeight)
  frame?.addEventListener("resize", tell, true)
  frame?.querySelectorAll("video").forEach((target) => tell({ target }))
  return () => {
    frame?.removeEventListener("resize", tell, true)
    style.removeProperty("--video-shape")
  }
}
