"""How far results of the same arithmetic may lie apart from machine to machine."""

SCORE_ATOL = 1e-4
"""Of the scores and images of the networks in the tests, in float32.

A sum of n products in another order differs by up to n·u of the size of its terms, u = 2⁻²⁴
(Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., 2002, section 3.1). The order
depends on the vector width of the processor, on the number of threads, and on how many slices
are computed at once. The longest sums here have 9 · 512 products: 2.7e-4 relative at worst, about
4e-6 where errors are random, a few times more behind some twenty layers. The published network
on other machines agrees with the golden numbers within 1e-4.
"""

CODES_ATOL = 1
"""Of scores as uint8 codes: where one lies at the edge of two codes, rounding decides."""
