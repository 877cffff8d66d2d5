//! The demo application, a small legacy web application that knows nothing of the gateway.
