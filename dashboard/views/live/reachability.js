// Gathers the browser's ICE candidates with the given servers, once a check, and reports their kinds.
const LONGEST_MS = 6000

export default function ({ data, parentElement, setStateValue }) {
  if (parentElement.check === data.check) return
  parentElement.check = data.check
  gather(data.configuration)
    .then((kinds) => setStateValue("found", { check: data.check, kinds, problem: "" }))
    .catch((error) => setStateValue("found", { check: data.check, kinds: [], problem: String(error) }))
}

async function gather(configuration) {
  const kinds = new Set()
  const connection = new RTCPeerConnection(configuration)
  try {
    connection.createDataChannel("check") // without a channel or a track nothing is gathered
    const end = new Promise((resolve) => {
      connection.onicecandidate = ({ candidate }) => {
        if (candidate?.type) kinds.add(candidate.type)
        else if (!candidate) resolve()
      }
      setTimeout(resolve, LONGEST_MS)
    })
    await connection.setLocalDescription(await connection.createOffer())
    await end
  } finally {
    connection.close()
  }
  return [...kinds]
}
