"""Outlines of the 478-point face mesh, by index. Left and right are the picture's."""

OVAL = [10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377]
OVAL += [152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109]
"""The face's outline, from the middle of the forehead round by the picture's right."""
JAW = [454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234]
CONTOUR = [162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389]
"""iBUG's 17 points of the jaw, from the picture's left, by the mesh's nearest."""

UPPER_LIDS = ([33, 246, 161, 160, 159, 158, 157, 173, 133], [263, 466, 388, 387, 386, 385, 384, 398, 362])
LOWER_LIDS = ([33, 7, 163, 144, 145, 153, 154, 155, 133], [263, 249, 390, 373, 374, 380, 381, 382, 362])
"""Lids, from the outer corner to the inner."""
EYES = tuple(upper + lower[-2:0:-1] for upper, lower in zip(UPPER_LIDS, LOWER_LIDS, strict=True))
IRISES = ([468, 469, 470, 471, 472], [473, 474, 475, 476, 477])
"""Centre, then four points of the rim."""
BROWS = ([70, 63, 105, 66, 107, 55, 65, 52, 53, 46], [300, 293, 334, 296, 336, 285, 295, 282, 283, 276])
BROW_ENDS = [107, 336]
"""Their inner ends, at the upper edge."""

LIP_UPPER_OUTER = [61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291]
LIP_LOWER_OUTER = [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291]
LIP_UPPER_INNER = [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308]
LIP_LOWER_INNER = [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308]
MOUTH = LIP_UPPER_OUTER + LIP_LOWER_OUTER[-2:0:-1]
MOUTH_INSIDE = LIP_UPPER_INNER + LIP_LOWER_INNER[-2:0:-1]

NOSE_TIP = 1
CHIN = 152
MOUTH_CORNERS = (61, 291)
NOSE_BASE = [48, 64, 98, 97, 2, 326, 327, 294, 278, 279, 275, 4, 45, 49]
NOSTRILS = [98, 97, 2, 326, 327]

RIGID = [10, 338, 297, 332, 284, 251, 389, 356, 454, 234, 127, 162, 21, 54, 103, 67, 109]
RIGID += [33, 133, 362, 263, 168, 6, 197, 195, 5]
"""Forehead, temples, corners of the eyes and bridge of the nose: what moves with the head alone."""
