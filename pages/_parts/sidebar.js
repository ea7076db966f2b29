// On a phone the sidebar covers the page, so it closes after a choice. It also names the language that the page is in.
const WIDEST_PHONE = 768; // CSS pixels; narrower windows show the sidebar above the page

export default function ({ data, parentElement }) {
  document.documentElement.lang = data.language; // for screen readers, hyphens and fonts
  const sidebar = parentElement.closest('[data-testid="stSidebar"]');
  const close = (event) => {
    if (window.innerWidth < WIDEST_PHONE && event.target.closest("a")) {
      sidebar.querySelector('[data-testid="stSidebarCollapseButton"] button')?.click();
    }
  };
  sidebar?.addEventListener("click", close);
  return () => sidebar?.removeEventListener("click", close);
}
