// watch-timme - wrist watch, steel case, cognac strap.
// View 1 front, 2 close-up of the dial.
#version 3.7;
#include "shapes.inc"
#ifndef (AsModel) #include "lights.inc" #end
#include "materials.inc"

#declare CaseP = array[9] { <0,-0.9,0>, <2.6,-0.9,0.3>, <3.3,-0.4,0.3>, <3.45,0.35,0.3>, <3.2,0.62,0.15>, <2.98,0.66,0.05>, <2.9,0.45,0.06>, <2.85,0.3,0>, <0,0.3,0> };
#declare T_Strap = texture { pigment { rgb <0.36, 0.135, 0.045> }
  normal { crackle 0.14 scale 0.16 turbulence 0.3 }
  finish { diffuse 0.85 specular 0.14 roughness 0.06 reflection { 0, 0.25 fresnel on } conserve_energy } }
#declare T_Stitch = texture { pigment { rgb <0.82, 0.70, 0.52> } }

// strap: a flat tube that bends round an upright cushion
#declare StrapPath = array[13] {
  <0, 2.7, 0.2>, <0, 4.3, 0.75>, <0, 5.3, 2.0>, <0, 5.5, 3.9>, <0, 4.7, 5.7>, <0, 2.9, 7.0>, <0, 0, 7.5>,
  <0, -2.9, 7.0>, <0, -4.7, 5.7>, <0, -5.5, 3.9>, <0, -5.3, 2.0>, <0, -4.3, 0.75>, <0, -2.7, 0.2> };
#declare StrapR = array[13] { 0.36,0.34,0.3,0.27,0.26,0.26,0.26,0.26,0.26,0.27,0.3,0.34,0.36 };

#macro Hand(Len, W, Angle, Z)
  object { RBox(<-W, -0.5, -0.03>, <W, Len, 0.03>, 0.028)
    rotate -z*Angle translate -z*Z
    texture { pigment { rgb <0.03, 0.045, 0.075> } finish { F_Gloss } } interior { I_Solid } }
#end

// modelled with the dial facing -z, centre at the origin
#declare Watch = union {
  object { Turned(CaseP, 160) rotate x*-90 material { M_Steel } }
  object { Decal("build/dial.png", 5.76, 5.76, F_Paper) translate -z*0.33 }
  Hand(1.55, 0.12, 305, 0.42)
  Hand(2.25, 0.085, 52, 0.50)
  union { cylinder { <0, -0.7, -0.56>, <0, 2.4, -0.56>, 0.03 } sphere { <0, -0.7, -0.56>, 0.12 }
    texture { pigment { rgb <0.70, 0.20, 0.05> } } rotate -z*180 }
  cylinder { <0, 0, -0.35>, <0, 0, -0.6>, 0.17 material { M_Steel } }
  // crown
  #for (I, 0, 17) cylinder { <3.4, 0.36, 0>, <4.0, 0.36, 0>, 0.07 rotate x*I*20 material { M_Steel } } #end
  cylinder { <3.3, 0, 0>, <3.96, 0, 0>, 0.37 material { M_Steel } }
  // lugs
  #for (I, -1, 1, 2) #for (J, -1, 1, 2)
    object { RBox(<-0.26, 0, -0.38>, <0.26, 1.9, 0.42>, 0.2) rotate x*18 translate <I*1.85, 2.2, 0> scale <1, J, 1> material { M_Steel } }
  #end #end
  object { Tube(StrapPath, StrapR, 5.2, x, 14, 40) texture { T_Strap } interior { I_Solid } }
  // stitches along both edges of the visible strap
  #for (S, -1, 1, 2) #for (J, -1, 1, 2) #for (I, 0, 6)
    #local T = I/7;
    cylinder { <S*1.28, J*(3.35+T*1.6), 0.02+T*T*1.15>, <S*1.28, J*(3.50+T*1.6), 0.06+(T+0.1)*(T+0.1)*1.15>, 0.045 texture { T_Stitch } }
  #end #end #end
  // the cushion inside the strap
  sphere { 0, 1 scale <2.6, 5.0, 3.0> translate z*4.0 texture { pigment { rgb <0.80, 0.76, 0.69> } normal { granite 0.08 scale 0.4 } finish { F_Matte } } }
}

#ifndef (AsModel)
  Studio(1)
  #switch (View)
    #case (1) object { Watch rotate x*14 translate y*5.85 rotate y*16 } Shot(<0, 8, -54>, <0.2, 5.3, 0>, 13.4) #break
    #case (2) object { Watch rotate x*26 translate y*5.85 rotate y*-24 } Shot(<0, 14, -36>, <0.1, 6.3, 0>, 12.6) #break
  #end
#end
