// mug-terra - stoneware mug, terracotta glaze over a raw clay foot.
// View 1 front, 2 detail of the foot and handle, 3 from above.
#version 3.7;
#include "shapes.inc"
#ifndef (AsModel) #include "lights.inc" #end
#include "materials.inc"

#declare MugOut = array[8] { <0,0.25,0>, <2.3,0.25,0.1>, <2.45,0,0.12>, <3.5,0,0.8>, <4.15,1.9,1.6>, <4.1,9.02,0.14>, <3.82,9.02,0.12>, <3.82,8.7,0> };
#declare MugIn  = array[4] { <3.83,8.86,0>, <3.86,1.9,1.3>, <3.0,0.8,0.9>, <0,0.7,0> };
#declare MugPath = array[7] { <3.7,7.35,0>, <4.7,7.55,0>, <6.15,7.15,0>, <6.75,5.6,0>, <6.2,3.9,0>, <4.9,2.9,0>, <3.7,2.7,0> };
#declare MugRad  = array[7] { 0.62, 0.5, 0.44, 0.42, 0.42, 0.48, 0.62 };

#declare MugGlaze = texture { P_Speckle(<0.50, 0.125, 0.05>, <0.17, 0.04, 0.02>, 0.34) finish { F_Gloss } }
#declare Mug = union {
  object { Turned(MugOut, 144)
    texture { gradient y
      texture_map { [0.17 T_RawClay scale 1/12] [0.172 MugGlaze scale 1/12] }
      scale 12 warp { turbulence <0, 0.25, 0> octaves 2 lambda 2.5 } }
    interior { I_Solid } }
  object { Turned(MugIn, 144)
    texture { P_Speckle(<0.86, 0.78, 0.66>, <0.45, 0.33, 0.22>, 0.34) finish { F_Gloss } }
    interior { I_Solid } }
  object { Tube(MugPath, MugRad, 1.45, z, 10, 32) texture { MugGlaze } interior { I_Solid } }
}

#ifndef (AsModel)
  Studio(1)
  object { Mug rotate y*28 translate <-1.0, 0, 0> }
  #switch (View)
    #case (1) Shot(<0, 12, -50>, <0.1, 4.4, 0>, 14.4) #break
    #case (2) Shot(<19, 13, -34>, <2.2, 5.0, 0>, 12.2) #break
    #case (3) Shot(<-8, 42, -30>, <0.4, 4.6, 0>, 15.6) #break
  #end
#end
