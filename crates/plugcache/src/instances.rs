//! Running plugins, each under a key of full width, reconfigured rather than started again.
