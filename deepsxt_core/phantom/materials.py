"""What a frozen cell is made of: classes of the truth, and how strongly each absorbs.

Linear absorption coefficients (LAC) are in µm⁻¹ at 520 eV, in the water window. Those of pure
matter follow from the tables of Elam, Ravel & Sieber (2002), Radiat. Phys. Chem. 63, 121, as
`xraydb` gives them: ice (0.93 g/cm³) 0.110, protein (1.35 g/cm³) 1.31, phosphatidylcholine
(1.01 g/cm³) 0.90, triolein (0.91 g/cm³) 0.87, gold 18.3. Organic matter absorbs about ten times
as much as water; see Larabell & Le Gros (2004), Mol. Biol. Cell 15, 957.

What fills a compartment is ice with dry matter dissolved in it. How much, and so the values of
the compartments and of lipid below, are assumptions: rounded choices between ice and pure matter.
They do not follow the photon energy; at 500 eV all of them would be 5 to 10 % higher.
"""

from enum import IntEnum

LAC_ICE = 0.11
LAC_CYTOSOL = 0.24
LAC_NUCLEUS = 0.22
LAC_NUCLEOLUS = 0.33
LAC_MITOCHONDRION = 0.36
LAC_LIPID = 0.75
LAC_GOLD = 18.3

# Assumed: a bilayer of 5 nm with the proteins in and on it (0.90 and 1.31 µm⁻¹, half of each).
LAC_MEMBRANE = 1.1
MEMBRANE_NM = 8.0


class Label(IntEnum):
    """Classes of the label volume."""

    ICE = 0
    CYTOSOL = 1
    NUCLEUS = 2
    NUCLEOLUS = 3
    MITOCHONDRION = 4
    VESICLE = 5
    LIPID_DROPLET = 6
    RETICULUM = 7
    FILOPODIUM = 8
    GOLD = 9
    PLASMA_MEMBRANE = 10
    NUCLEAR_ENVELOPE = 11
    MITOCHONDRIAL_MEMBRANE = 12
    CRISTA = 13
    VESICLE_MEMBRANE = 14
    RETICULUM_MEMBRANE = 15
    DROPLET_SURFACE = 16


# What people draw when they label membranes; cristae are finer than their lines.
MEMBRANES = (
    Label.PLASMA_MEMBRANE,
    Label.NUCLEAR_ENVELOPE,
    Label.MITOCHONDRIAL_MEMBRANE,
    Label.VESICLE_MEMBRANE,
    Label.RETICULUM_MEMBRANE,
    Label.DROPLET_SURFACE,
)
