// A lesson that is opened from the end of another one begins at its top.
export default function ({ data }) {
  const main = document.querySelector('[data-testid="stMain"]');
  if (main && main.dataset.lesson !== data.lesson) {
    main.dataset.lesson = data.lesson;
    main.scrollTo(0, 0);
  }
}
