//! A call that allocates nothing on a hit: the class whose instances Python calls without packing the arguments up.
//!
//! Classes of `PyO3` are called through `tp_call`, which wants a tuple of the arguments. Python's own way for what is called
//! often is *vectorcall* (PEP 590): the interpreter hands over where the arguments lie on its stack. A class takes part
//! by a flag and by an offset at which each instance has a pointer to its function, which the stable ABI lets a class
//! say that is made from a specification; `PyO3` has no word for it. So [`Cached`] has a subclass that is made here: the
//! same fields and methods, and that pointer behind them.
//!
//! A hit on plain arguments (text, numbers, bytes, `None` and tuples of these, by position or by name) is answered
//! here. Everything else goes the way of [`Cached`], which this is a view of: there is no second cache, and nothing is
//! served that the engine would not serve.

use std::{
    cell::UnsafeCell,
    ffi::{CStr, c_int, c_uint, c_ulong, c_void},
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
    sync::atomic::{AtomicUsize, Ordering},
};

use plugcache_cache::key::KeyBytes;
use pyo3::{
    Borrowed,
    exceptions::PyRuntimeError,
    ffi,
    prelude::*,
    types::{PyDict, PyTuple, PyType},
};

use crate::{
    arguments::Plain,
    cached::{Cached, give_back},
};

/// In the stable ABI since 3.12, and of this value since 3.8.
const HAVE_VECTORCALL: c_ulong = 1 << 11;
/// Likewise: `object.method(…)` calls the function with the object as its first argument, without making a method.
const METHOD_DESCRIPTOR: c_ulong = 1 << 17;
/// Set in the number of arguments where the callee may use the place before the first.
const ARGUMENTS_OFFSET: usize = 1 << (usize::BITS - 1);

const NAME: &CStr = c"plugcache._plugcache.Function";
const DOC: &CStr = c"A function whose results are kept, as `plugcache.cached` makes it.";

/// Where instances have the pointer to [`call`]. 0: there is no class yet.
static OFFSET: AtomicUsize = AtomicUsize::new(0);

/// Where keys are written, so that a hit allocates nothing. Under the interpreter's lock.
struct Room {
    key: UnsafeCell<KeyBytes>,
    is_taken: UnsafeCell<bool>,
}

#[expect(unsafe_code, reason = "the interpreter's lock is what keeps it")]
// SAFETY: only `Room::with` reaches what is inside, which wants the interpreter's lock.
unsafe impl Sync for Room {}

static ROOM: Room = Room { key: UnsafeCell::new(KeyBytes::new()), is_taken: UnsafeCell::new(false) };

impl Room {
    /// Lends an empty key; `None` if somebody has it, who was interrupted by a finaliser, say, or if `act` panics.
    #[expect(unsafe_code, reason = "a thread's own or a locked one would cost a hit a tenth of its time")]
    fn with<T>(&self, _lock: Python<'_>, act: impl FnOnce(&mut KeyBytes) -> Option<T>) -> Option<T> {
        // SAFETY: whoever holds the interpreter's lock is alone with these two lines and the last. There is one
        // interpreter: `plugcache` refuses to be imported by a second.
        let is_taken = unsafe { std::mem::replace(&mut *self.is_taken.get(), true) };
        if is_taken {
            return None;
        }
        // SAFETY: it was free and is now taken: nobody else comes here until it is given back.
        let key = unsafe { &mut *self.key.get() };
        key.clear();
        let done = catch_unwind(AssertUnwindSafe(|| act(key)));
        give_back(key);
        // SAFETY: as above.
        unsafe { *self.is_taken.get() = false };
        done.ok().flatten()
    }
}

/// Makes the class, a subclass of [`Cached`].
#[expect(unsafe_code, reason = "PyO3 makes no classes that are called so")]
pub(crate) fn class<'py>(module: &Bound<'py, PyModule>) -> PyResult<Bound<'py, PyAny>> {
    let py = module.py();
    let base = py.get_type::<Cached>();
    let size: usize = base.getattr("__basicsize__")?.extract()?;
    OFFSET.store(size, Ordering::Relaxed);
    let too_large = |_| PyRuntimeError::new_err("the class is too large");
    let basic_size = c_int::try_from(size + size_of::<ffi::vectorcallfunc>()).map_err(too_large)?;
    let mut members = [
        ffi::PyMemberDef {
            name: c"__vectorcalloffset__".as_ptr(),
            type_code: ffi::Py_T_PYSSIZET,
            offset: ffi::Py_ssize_t::try_from(size).map_err(too_large)?,
            flags: ffi::Py_READONLY,
            doc: ptr::null(),
        },
        ffi::PyMemberDef::default(),
    ];
    let slot = |slot, pfunc| ffi::PyType_Slot { slot, pfunc };
    let mut slots = [
        slot(ffi::Py_tp_doc, DOC.as_ptr().cast_mut().cast()),
        slot(ffi::Py_tp_new, new as *mut c_void),
        slot(ffi::Py_tp_members, members.as_mut_ptr().cast()),
        // What the two flags want to be there, which is inherited too late for Python's own checks.
        slot(ffi::Py_tp_call, inherited(&base, ffi::Py_tp_call)?),
        slot(ffi::Py_tp_descr_get, inherited(&base, ffi::Py_tp_descr_get)?),
        slot(0, ptr::null_mut()),
    ];
    let flags = ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_BASETYPE | HAVE_VECTORCALL | METHOD_DESCRIPTOR;
    let mut specification = ffi::PyType_Spec {
        name: NAME.as_ptr(),
        basicsize: basic_size,
        itemsize: 0,
        flags: c_uint::try_from(flags).map_err(too_large)?,
        slots: slots.as_mut_ptr(),
    };
    let bases = PyTuple::new(py, [&base])?;
    // SAFETY: the specification and all that it points to live until the call has returned, and Python copies them;
    // the name and the text live for ever. The base allows subclasses, its instances are `size` bytes long, and this
    // one's have room for one pointer more, at the offset that the member says.
    unsafe {
        let made = ffi::PyType_FromModuleAndSpec(module.as_ptr(), &raw mut specification, bases.as_ptr());
        Bound::from_owned_ptr_or_err(py, made)
    }
}

/// A slot's function of a class; an error if it has none.
#[expect(unsafe_code, reason = "PyO3 has no word for it")]
fn inherited(class: &Bound<'_, PyType>, slot: c_int) -> PyResult<*mut c_void> {
    // SAFETY: a class, and a slot that every Python has.
    let function = unsafe { ffi::PyType_GetSlot(class.as_type_ptr(), slot) };
    if function.is_null() {
        return Err(PyRuntimeError::new_err(format!("{class} has no slot {slot}")));
    }
    Ok(function)
}

/// `tp_new`: as the base makes it, with the pointer.
#[expect(unsafe_code, reason = "called by Python")]
unsafe extern "C" fn new(
    class: *mut ffi::PyTypeObject,
    args: *mut ffi::PyObject,
    kwargs: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: Python calls with its lock held.
    let py = unsafe { Python::assume_attached() };
    let base = match inherited(&py.get_type::<Cached>(), ffi::Py_tp_new) {
        Ok(base) => base,
        Err(error) => {
            error.restore(py);
            return ptr::null_mut();
        }
    };
    // SAFETY: what a class has in this slot is such a function.
    let base = unsafe { std::mem::transmute::<*mut c_void, ffi::newfunc>(base) };
    // SAFETY: `class` is a subclass of ours, and so of the base.
    let made = unsafe { base(class, args, kwargs) };
    if !made.is_null() {
        // SAFETY: an instance of ours, which has room for a pointer there.
        unsafe {
            let place = made.byte_add(OFFSET.load(Ordering::Relaxed));
            place.cast::<Option<ffi::vectorcallfunc>>().write(Some(call));
        }
    }
    made
}

/// The call.
#[expect(unsafe_code, reason = "called by Python")]
unsafe extern "C" fn call(
    callable: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    count: usize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: Python calls with its lock held.
    let py = unsafe { Python::assume_attached() };
    let count = count & !ARGUMENTS_OFFSET;
    // SAFETY: only our own instances have this function, and Python's contract for it says the rest: `callable` lives as
    // long as the call, `names` is null or a tuple of text, and `args` has `count` objects and one for each name.
    let (this, given) = unsafe {
        let this = Borrowed::from_ptr(py, callable).cast_unchecked::<Cached>();
        (this, given(py, args, count & !ARGUMENTS_OFFSET, names))
    };
    // A panic must not cross into Python: what has panicked here is asked again where PyO3 makes an exception of it.
    let cached = this.get();
    let is_plain = !cached.depends_on_variables();
    let seen =
        ROOM.with(py, |key| if is_plain && given.encode(key) { cached.glance_at(py, key) } else { None });
    let value = match seen {
        Some(Ok(value)) => return value.into_ptr(),
        // PyO3 is to know of what is done with Python from here on.
        Some(Err(kept)) => Python::attach(move |py| kept.hand_out_again(py)),
        None => None,
    };
    match value {
        Some(Ok(value)) => value.into_ptr(),
        Some(Err(error)) => {
            error.restore(py);
            ptr::null_mut()
        }
        // SAFETY: an instance of ours.
        None => unsafe { call_slowly(py, callable, given) },
    }
}

/// Arguments on Python's stack.
///
/// # Safety
/// `names` is null or a tuple, and `args` has `count` objects and one for each name, all of which live on.
#[expect(unsafe_code, reason = "Python's contract for such a function")]
unsafe fn given<'a, 'py>(
    py: Python<'py>,
    args: *const *mut ffi::PyObject,
    count: usize,
    names: *mut ffi::PyObject,
) -> Plain<'a, 'py> {
    // SAFETY: as the caller says; null is none.
    let names =
        unsafe { Borrowed::from_ptr_or_opt(py, names).map(|names| names.cast_unchecked::<PyTuple>()) };
    let names = names.filter(|names| !names.is_empty());
    let all = count + names.as_deref().map_or(0, PyTupleMethods::len);
    let all = if args.is_null() {
        &[][..]
    } else {
        // SAFETY: as the caller says. A `Borrowed` is a pointer to an object and nothing else.
        unsafe { std::slice::from_raw_parts(args.cast::<Borrowed<'a, 'py, PyAny>>(), all) }
    };
    let (by_position, by_name) = all.split_at(count.min(all.len()));
    Plain { by_position, names, by_name }
}

/// Calls it as a [`Cached`] is called.
#[cold]
#[expect(unsafe_code, reason = "PyO3's own way in")]
unsafe fn call_slowly<'py>(
    py: Python<'py>,
    callable: *mut ffi::PyObject,
    given: Plain<'_, 'py>,
) -> *mut ffi::PyObject {
    match packed(py, given) {
        Ok((call, args, kwargs)) => {
            let kwargs = kwargs.as_ref().map_or(ptr::null_mut(), Bound::as_ptr);
            // SAFETY: the function of the base, with an instance of it and with what Python would give it.
            unsafe { call(callable, args.as_ptr(), kwargs) }
        }
        Err(error) => {
            error.restore(py);
            ptr::null_mut()
        }
    }
}

type Packed<'py> = (ffi::ternaryfunc, Bound<'py, PyTuple>, Option<Bound<'py, PyDict>>);

fn packed<'py>(py: Python<'py>, given: Plain<'_, 'py>) -> PyResult<Packed<'py>> {
    let call = inherited(&py.get_type::<Cached>(), ffi::Py_tp_call)?;
    #[expect(unsafe_code, reason = "a slot is a pointer to anything")]
    // SAFETY: what a class has in this slot is such a function.
    let call = unsafe { std::mem::transmute::<*mut c_void, ffi::ternaryfunc>(call) };
    let args = PyTuple::new(py, given.by_position)?;
    let Some(names) = given.names else { return Ok((call, args, None)) };
    let kwargs = PyDict::new(py);
    for (name, value) in names.iter_borrowed().zip(given.by_name) {
        kwargs.set_item(name, value)?;
    }
    Ok((call, args, Some(kwargs)))
}
