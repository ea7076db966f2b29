// A button that leaves the page through the gate's own form, which ends the session in every tab of this browser. Where the session has
// ended otherwise, the page is loaded again: the gate answers with its form, and Streamlit alone would say "status 401".
const STATE = "data-test-connection-state";

export default function ({ data, parentElement }) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = data.label;
  button.onclick = () => {
    const form = document.createElement("form");
    form.method = "post";
    form.action = "sign-out"; // beside the page: pages lie directly below the app's root
    document.body.append(form);
    form.submit();
  };
  parentElement.append(button);

  const app = document.querySelector(`[${STATE}]`);
  const observer = new MutationObserver(async () => {
    if (app.getAttribute(STATE) === "CONNECTED") return;
    const answer = await fetch("_stcore/health", { cache: "no-store" }).catch(() => undefined); // the server itself may be gone
    if (answer?.status === 401) location.reload();
  });
  if (app) observer.observe(app, { attributes: true, attributeFilter: [STATE] });
  return () => {
    observer.disconnect();
    button.remove();
  };
}
