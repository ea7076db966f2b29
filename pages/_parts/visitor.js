// Stores a text, such as the visitor's name, in a cookie, or deletes the cookie where the text is empty.
export default function ({ data }) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  const seconds = data.name ? 365 * 24 * 3600 : 0;
  // biome-ignore lint/suspicious/noDocumentCookie: not all browsers have the Cookie Store API
  document.cookie = `${data.cookie}=${encodeURIComponent(data.name)}; path=/; max-age=${seconds}; SameSite=Lax${secure}`;
}
