//! What this page needs of the document.

use std::cell::RefCell;
use std::fmt::Display;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use wasm_bindgen::prelude::*;
use web_sys::{Document, Element, Event, HtmlElement, HtmlInputElement};

fn document() -> Document {
    web_sys::window().and_then(|window| window.document()).expect("this is a page")
}

/// An element that `index.html` has.
fn element(id: &str) -> Element {
    document().get_element_by_id(id).unwrap_or_else(|| panic!("index.html has no `{id}`"))
}

fn append(parent: &Element, tag: &str) -> HtmlElement {
    let child = document().create_element(tag).expect("a valid tag");
    parent.append_child(&child).expect("it is new");
    child.unchecked_into()
}

pub fn show(id: &str, what: impl Display) {
    element(id).set_text_content(Some(&what.to_string()));
}

pub fn log(line: &str) {
    append(&element("log"), "li").set_text_content(Some(line));
}

/// Calls `submitted` with the text of `input` each time that `form` is sent.
pub fn on_submit(form: &str, input: &str, submitted: impl Fn(String) + 'static) {
    let input: HtmlInputElement = element(input).unchecked_into();
    let listener = Closure::<dyn Fn(Event)>::new(move |event: Event| {
        event.prevent_default();
        submitted(input.value());
    });
    let form: HtmlElement = element(form).unchecked_into();
    form.set_onsubmit(Some(listener.as_ref().unchecked_ref()));
    // As long as the page.
    listener.forget();
}

/// Calls `clicked` at each click, until it is dropped.
struct Listener {
    button: HtmlElement,
    _clicked: Closure<dyn Fn()>,
}

impl Listener {
    fn new(button: HtmlElement, clicked: impl Fn() + 'static) -> Self {
        let clicked = Closure::<dyn Fn()>::new(clicked);
        button.set_onclick(Some(clicked.as_ref().unchecked_ref()));
        Self { button, _clicked: clicked }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.button.set_onclick(None);
    }
}

/// Until the button is clicked.
pub async fn clicked(id: &str) {
    let waiting = Rc::new(RefCell::new((false, None::<Waker>)));
    let _listener = Listener::new(element(id).unchecked_into(), {
        let waiting = waiting.clone();
        move || {
            let mut waiting = waiting.borrow_mut();
            waiting.0 = true;
            if let Some(waker) = waiting.1.take() {
                waker.wake();
            }
        }
    });
    poll_fn(|cx| {
        let mut waiting = waiting.borrow_mut();
        waiting.1 = Some(cx.waker().clone());
        if waiting.0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// A row of the list; it goes when this is dropped.
pub struct Row {
    row: HtmlElement,
    state: HtmlElement,
    _cancel: Listener,
}

impl Row {
    pub fn new(name: &str, cancel: impl Fn() + 'static) -> Self {
        let row = append(&element("tasks"), "li");
        row.set_attribute("data-name", name).expect("a valid attribute");
        append(&row, "span").set_text_content(Some(name));
        let state = append(&row, "span");
        let button = append(&row, "button");
        button.set_text_content(Some("Cancel"));
        Row { row, state, _cancel: Listener::new(button, cancel) }
    }

    pub fn show(&self, state: &str) {
        self.state.set_text_content(Some(state));
    }
}

impl Drop for Row {
    fn drop(&mut self) {
        self.row.remove();
    }
}
