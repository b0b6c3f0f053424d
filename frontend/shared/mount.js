// How a component of ours lives in a page: Streamlit calls it again with each new data, and its view
// stays the same one until the page lets go of it.

/**
 * @typedef {{parentElement: HTMLElement, data: any, setStateValue: (name: string, value: any) => void,
 *   setTriggerValue: (name: string, value: any) => void}} Component
 * @typedef {{show: (data: any, setStateValue: any, setTriggerValue: any) => void, close: () => void}} View
 */

/** @param {string} selector of the root within the page's element
 *  @param {new (root: HTMLElement) => View} ViewType
 *  @returns {(component: Component) => () => void} what Streamlit mounts */
export function mounting(selector, ViewType) {
  /** @type {WeakMap<HTMLElement, View>} */
  const views = new WeakMap();
  return ({ parentElement, data, setStateValue, setTriggerValue }) => {
    let view = views.get(parentElement);
    if (!view) {
      view = new ViewType(/** @type {HTMLElement} */ (parentElement.querySelector(selector)));
      views.set(parentElement, view);
    }
    view.show(data, setStateValue, setTriggerValue);
    return () => {
      view.close();
      views.delete(parentElement);
    };
  };
}
