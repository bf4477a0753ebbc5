// Runs in every frame of a page before its own scripts. Shows the camera's stream in a video of
// its own, and records when each numbered frame is displayed there and in the returned video.
(() => {
  const BITS = 10;
  const STRIP = 24 / 480; // of the video's height
  const MIN_CONTRAST = 20; // between a bit and its complement, of 255
  const displays = { sent: [], returned: [] };

  function readNumber(video, context, mirrored) {
    const { videoWidth, videoHeight } = video;
    context.setTransform(mirrored ? -1 : 1, 0, 0, 1, mirrored ? 2 * BITS : 0, 0);
    context.drawImage(video, 0, 0, videoWidth, STRIP * videoHeight, 0, 0, 2 * BITS, 1);
    const pixels = context.getImageData(0, 0, 2 * BITS, 1).data;
    let number = 0;
    for (let bit = 0; bit < BITS; bit++) {
      const difference = pixels[8 * bit] - pixels[8 * bit + 4];
      if (Math.abs(difference) < MIN_CONTRAST) return null;
      number = 2 * number + (difference > 0);
    }
    return number;
  }

  function watch(video, list, mirrored = false) {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [2 * BITS, 1];
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const record = (_, { presentationTime, presentedFrames }) => {
      list.push([readNumber(video, context, mirrored), presentationTime, presentedFrames]);
      video.requestVideoFrameCallback(record);
    };
    video.requestVideoFrameCallback(record);
  }

  const devices = navigator.mediaDevices;
  if (!devices) return; // about:blank
  const open = devices.getUserMedia.bind(devices);
  devices.getUserMedia = async (constraints) => {
    const stream = await open(constraints);
    const preview = document.createElement("video");
    preview.muted = true;
    preview.srcObject = stream;
    preview.play();
    watch(preview, displays.sent);
    return stream;
  };
  window.probe = {
    watch: (video, mirrored) => watch(video, displays.returned, mirrored),
    take: () => [displays.sent.splice(0), displays.returned.splice(0)],
  };
})();
