"""Krylov iterations on the diagonal block of an implicit constraint; for `krylov`."""
