// Runs in every frame of a page before its own scripts. Shows the camera's pictures in a video of
// its own, and notes which of them are shown when, there and in the video that comes back.
(() => {
  const BITS = 10;
  const STRIP = 24 / 480; // of the picture's height
  const SURE = 20; // least difference between a bit and its opposite, of 255
  const notes = { sent: [], returned: [] };

  function numberIn(video, context) {
    const { videoWidth, videoHeight } = video;
    context.drawImage(video, 0, 0, videoWidth, STRIP * videoHeight, 0, 0, 2 * BITS, 1);
    const pixels = context.getImageData(0, 0, 2 * BITS, 1).data;
    let number = 0;
    for (let bit = 0; bit < BITS; bit++) {
      const difference = pixels[8 * bit] - pixels[8 * bit + 4];
      if (Math.abs(difference) < SURE) return null;
      number = 2 * number + (difference > 0);
    }
    return number;
  }

  function watch(video, list) {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [2 * BITS, 1];
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const note = (_, { presentationTime, presentedFrames }) => {
      list.push([numberIn(video, context), presentationTime, presentedFrames]);
      video.requestVideoFrameCallback(note);
    };
    video.requestVideoFrameCallback(note);
  }

  const devices = navigator.mediaDevices;
  if (!devices) return; // about:blank
  const open = devices.getUserMedia.bind(devices);
  devices.getUserMedia = async (wanted) => {
    const stream = await open(wanted);
    const preview = document.createElement("video");
    preview.muted = true;
    preview.srcObject = stream;
    preview.play();
    watch(preview, notes.sent);
    return stream;
  };
  window.probe = {
    watch: () => watch(document.querySelector("video"), notes.returned),
    take: () => [notes.sent.splice(0), notes.returned.splice(0)],
  };
})();
