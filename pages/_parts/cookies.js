// Stores a setting of this browser in a cookie, or deletes the cookie where the value is empty.
export default function ({ data }) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  const seconds = data.value ? 365 * 24 * 3600 : 0;
  // biome-ignore lint/suspicious/noDocumentCookie: not all browsers have the Cookie Store API
  document.cookie = `${data.cookie}=${encodeURIComponent(data.value)}; path=/; max-age=${seconds}; SameSite=Lax${secure}`;
}
