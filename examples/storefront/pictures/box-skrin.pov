// box-skrin - jewellery box in burgundy leatherette with foil stamp and brass.
// View 1 front (closed), 2 same camera, open. 3 the open tray, close.
#version 3.7;
#include "shapes.inc"
#ifndef (AsModel) #include "lights.inc" #end
#ifndef (BoxOpen) #if (View > 1) #declare BoxOpen = 1; #else #declare BoxOpen = 0; #end #end
#include "materials.inc"

#declare M_Leather = material { texture { pigment { rgb <0.135, 0.018, 0.030> }
  #ifndef (AsModel) normal { crackle 0.22 scale 0.13 turbulence 0.2 } #end
  finish { diffuse 0.85 specular 0.16 roughness 0.05 reflection { 0, 0.3 fresnel on } conserve_energy } } interior { I_Solid } }
#declare M_Velvet = material { texture { pigment { bozo color_map { [0 rgb <0.80, 0.68, 0.56>] [1 rgb <0.86, 0.75, 0.63>] } scale 0.3 }
  normal { granite 0.12 scale 0.25 } finish { diffuse 0.85 } } }

// hollow shell, 12 x 3.6 x 8, lid 1.7 high
#declare BoxBase = union {
  difference {
    object { RBox(<-6, 0.12, -4>, <6, 3.6, 4>, 0.25) }
    box { <-5.6, 0.8, -3.6>, <5.6, 5, 3.6> }
    material { M_Leather } }
  difference {
    box { <-5.61, 0.7, -3.61>, <5.61, 3.5, 3.61> }
    box { <-5.5, 1.4, -3.5>, <5.5, 4, 3.5> }
    material { M_Velvet } }
  // foot rail
  object { RBox(<-5.7, 0, -3.7>, <5.7, 0.3, 3.7>, 0.1) material { M_Leather } }
}
#declare BoxLid = union {
  difference {
    object { RBox(<-6, 0, -4>, <6, 1.7, 4>, 0.25) }
    box { <-5.6, -1, -3.6>, <5.6, 1.2, 3.6> }
    material { M_Leather } }
  object { RBox(<-5.6, 0.55, -3.6>, <5.6, 1.3, 3.6>, 0.3) material { M_Velvet } }
  // foil stamp on the lid
  object { Decal("build/foil.png", 6.4, 3.2, F_Foil) rotate x*90 translate <0, 1.707, 0> }
  // clasp
  object { RBox(<-0.55, -0.55, -4.14>, <0.55, 0.75, -3.95>, 0.08) material { M_Brass } }
  sphere { 0, 0.2 scale <1, 1, 0.7> translate <0, -0.2, -4.16> material { M_Brass } }
}
// brass corner guard
#declare BoxCorner = object { RBox(<-0.05, -0.05, -0.05>, <0.85, 0.5, 0.85>, 0.06) material { M_Brass } }

// cushion rolls, a ring with a blue stone, a string of pearls
#declare BoxTray = union {
  #for (I, 0, 3) object { RBox(<-5.45, 0, -0.55>, <-0.6, 1.1, 0.55>, 0.5) translate <0, 1.45, -2.7+I*1.2> material { M_Velvet } } #end
  box { <-0.5, 1, -3.5>, <-0.35, 3.2, 3.5> material { M_Velvet } }
  object { RBox(<-0.3, 1, -3.5>, <5.5, 1.7, 3.5>, 0.2) material { M_Velvet } }
  #for (I, 0, 2)
    union {
      torus { 0.62, 0.1 rotate z*90 material { M_Brass } }
      #switch (I)
        #case (0) sphere { 0, 0.3 scale <1, 0.8, 1> translate y*0.82 texture { pigment { rgb <0.03, 0.10, 0.36> } finish { F_Gloss } } interior { I_Solid } } #break
        #case (1) sphere { 0, 0.3 translate y*0.82 texture { pigment { rgb <0.80, 0.76, 0.72> } finish { F_Gloss } } interior { I_Solid } } #break
        #case (2) sphere { 0, 0.3 scale <1, 0.8, 1> translate y*0.82 texture { pigment { rgb <0.42, 0.03, 0.05> } finish { F_Gloss } } interior { I_Solid } } #break
      #end
      rotate y*-20 translate <-4.3+I*1.45, 2.35, 0.3>
    }
  #end
  #for (I, 0, 39)
    #declare A = 2*pi*I/40;
    sphere { <2.6+1.95*cos(A)+0.25*sin(3*A), 1.95, 0.0+2.35*sin(A)+0.2*cos(2*A)>, 0.205
      texture { pigment { rgb <0.86, 0.82, 0.76> } finish { diffuse 0.8 reflection { 0.02, 0.8 fresnel on } conserve_energy } } interior { I_Solid } }
  #end
}
#declare Box = union {
  object { BoxBase }
  #for (I, -1, 1, 2) #for (J, -1, 1, 2)
    object { BoxCorner translate <-6.0, 0.12, -4.0> scale <I, 1, J> }
  #end #end
  #if (BoxOpen)
    object { BoxTray }
    object { BoxLid translate -z*4 rotate x*104 translate <0, 3.42, 3.98> }
  #else
    object { BoxLid translate y*3.65 }
  #end
}

#ifndef (AsModel)
  Studio(1)
  #switch (View)
    #case (1) #case (2) object { Box rotate y*24 } Shot(<0, 26, -50>, <0.45, 4.75, 0>, 18.6) #break
    #case (3) object { Box rotate y*-18 } Shot(<3, 30, -38>, <-0.2, 3.6, 0>, 15) #break
  #end
#end
