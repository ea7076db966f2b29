// Leaves the page through the gate's own form, which ends the session in every tab of this browser.
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
  return () => button.remove();
}
