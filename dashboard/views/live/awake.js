// Keeps the screen awake while it is on the page. A browser ends that whenever the page is hidden.
export default function ({ parentElement }) {
  parentElement.letSleep ??= keepAwake(() => delete parentElement.letSleep)
  return parentElement.letSleep
}

function keepAwake(ended) {
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
    ended()
  }
}
