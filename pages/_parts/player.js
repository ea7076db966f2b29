// Shows one frame after another, a slider between them and a button that plays them; no script runs until it rests on a frame.

const WHOLE = 12000; // ms that all frames take together
const FASTEST = 150;
const SLOWEST = 700; // ms a frame

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".cnn-player");
  const [button, slider] = [root.querySelector("button"), root.querySelector("input")];
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches; // then each press is one frame
  const last = data.frames.length - 1;
  root.querySelector("label span").textContent = data.label;
  slider.max = last;
  slider.title = data.help;
  clearInterval(root.timer);
  show(data.place);

  function show(place) {
    root.place = place;
    slider.value = place;
    const frame = data.frames[place];
    slider.setAttribute("aria-valuetext", frame.name);
    root.querySelector("output").textContent = frame.name;
    const html = frame.html.replace(/src="#(\d+)"/g, (_, number) => `src="${data.pictures[number]}"`);
    root.querySelector(".cnn-frame").innerHTML = html; // escaped where it was made
    name();
  }
  function name() {
    button.textContent = root.timer ? data.words.pause : calm ? data.words.next : `▶ ${data.words.play}`;
    button.disabled = last === 0;
  }
  function rest() {
    clearInterval(root.timer);
    root.timer = undefined;
    name();
    if (root.place !== data.place) setTriggerValue("epoch", data.frames[root.place].epoch);
  }
  button.onclick = () => {
    if (root.timer) return rest();
    if (calm) {
      show(root.place === last ? 0 : root.place + 1);
      return rest();
    }
    if (root.place === last) show(0);
    root.timer = setInterval(
      () => {
        show(root.place + 1);
        if (root.place === last) rest();
      },
      Math.min(SLOWEST, Math.max(FASTEST, WHOLE / (last + 1))),
    );
    name();
  };
  slider.oninput = () => {
    clearInterval(root.timer);
    root.timer = undefined;
    show(Number(slider.value));
  };
  slider.onchange = rest;
  return () => clearInterval(root.timer);
}
