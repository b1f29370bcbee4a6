//! User plugins judged from source, before any of their code runs.
